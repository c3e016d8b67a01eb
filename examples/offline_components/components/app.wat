;; Asks a greeter, and answers the same.
(component
  (import "example:greeter/api@1.0.0" (instance $api (export "answer" (func (result u32)))))
  (core func $answer (canon lower (func $api "answer")))
  (core module $m
    (import "api" "answer" (func $answer (result i32)))
    (func (export "run") (result i32) call $answer))
  (core instance $deps (export "answer" (func $answer)))
  (core instance $i (instantiate $m (with "api" (instance $deps))))
  (func $run (result u32) (canon lift (core func $i "run")))
  (export "run" (func $run)))
