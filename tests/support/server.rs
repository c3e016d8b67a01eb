//! A scripted HTTP server on loopback: a closure answers each request, correctly or not.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running server. It stops when dropped.
pub struct Server {
    scheme: &'static str,
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

/// A received request.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The number of earlier requests for the same path.
    pub nth: usize,
}

/// The server's reaction to a request.
#[derive(Clone)]
pub struct Reply {
    status: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    length: Option<usize>,
    cut: Option<usize>,
    then: Then,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// Wait for the next request.
    KeepAlive,
    Close,
    /// Send no more bytes, and keep the connection open.
    Stall,
    /// Become a tunnel to the target of a `CONNECT`.
    Tunnel,
}

impl Server {
    pub fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
        Server::run("http", Arc::new(all), Arc::new(script), |stream, serve| {
            serve(&mut Plain(stream))
        })
    }

    /// Creates a server that reads only this many bytes of each body before it answers.
    pub fn start_gated(
        gate: impl Fn(&Request) -> usize + Send + Sync + 'static,
        script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Server {
        Server::run("http", Arc::new(gate), Arc::new(script), |stream, serve| {
            serve(&mut Plain(stream))
        })
    }

    pub fn start_tls(
        config: Arc<rustls::ServerConfig>,
        script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Server {
        Server::run("https", Arc::new(all), Arc::new(script), move |stream, serve| {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            serve(&mut rustls::StreamOwned::new(connection, stream));
        })
    }

    fn run(
        scheme: &'static str,
        gate: Arc<dyn Fn(&Request) -> usize + Send + Sync>,
        script: Arc<dyn Fn(&Request) -> Reply + Send + Sync>,
        wrap: impl Fn(TcpStream, &dyn Fn(&mut dyn Stream)) + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(AtomicUsize::new(0));
        let server = Server {
            scheme,
            address,
            requests: requests.clone(),
            connections: connections.clone(),
            stop: stop.clone(),
        };
        let (wrap, counts) = (Arc::new(wrap), Arc::new(Mutex::new(HashMap::new())));
        thread::spawn(move || {
            for stream in listener.incoming().take_while(|_| !stop.load(Ordering::SeqCst)) {
                let Ok(stream) = stream else { continue };
                connections.fetch_add(1, Ordering::SeqCst);
                let (script, gate, wrap) = (script.clone(), gate.clone(), wrap.clone());
                let (requests, counts) = (requests.clone(), counts.clone());
                thread::spawn(move || {
                    let answer = |mut request: Request| {
                        let mut counts: std::sync::MutexGuard<'_, HashMap<_, _>> =
                            counts.lock().unwrap();
                        let count = counts.entry(request.path.clone()).or_insert(0);
                        request.nth = *count;
                        *count += 1;
                        requests.lock().unwrap().push(request.clone());
                        drop(counts);
                        (script)(&request)
                    };
                    // Many scripts include a client that closes the connection early.
                    wrap(stream, &|stream| drop(serve(stream, &*gate, &answer)));
                });
            }
        });
        server
    }

    /// Returns an address on this server.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Returns an address on this server with another host name.
    pub fn url_as(&self, host: &str, path: &str) -> String {
        format!("{}://{host}:{}{path}", self.scheme, self.address.port())
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns all received requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the number of connections.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Returns the value of one header in each request.
    pub fn headers(&self, name: &str) -> Vec<Option<String>> {
        self.requests().iter().map(|it| it.header(name).map(str::to_owned)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the start of a `Range: bytes=N-` (RFC 9110 section 14.2).
    pub fn range(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

impl Reply {
    pub fn new(status: &str, body: impl Into<Vec<u8>>) -> Reply {
        let (headers, length) = (Vec::new(), None);
        let body = body.into();
        Reply { status: status.into(), headers, body, length, cut: None, then: Then::KeepAlive }
    }

    pub fn ok(body: impl Into<Vec<u8>>) -> Reply {
        Reply::new("200 OK", body)
    }

    /// Returns a file as a correct server sends it: with its tag, and in parts if that is
    /// requested.
    pub fn file(request: &Request, body: &[u8], tag: &str) -> Reply {
        let current = request.header("if-range").is_none_or(|wanted| wanted == tag);
        let reply = match request.range().filter(|_| current) {
            Some(first) if first >= body.len() => Reply::new("416 Range Not Satisfiable", "")
                .header("Content-Range", &format!("bytes */{}", body.len())),
            Some(first) => Reply::part(body, first),
            None => Reply::ok(body),
        };
        reply.header("ETag", tag)
    }

    /// Returns the rest of a file from this byte on.
    pub fn part(body: &[u8], first: usize) -> Reply {
        let range = format!("bytes {first}-{}/{}", body.len() - 1, body.len());
        Reply::new("206 Partial Content", &body[first..]).header("Content-Range", &range)
    }

    /// Returns an answer in JSON.
    pub fn json(status: &str, json: &str) -> Reply {
        Reply::new(status, json).header("Content-Type", "application/json")
    }

    pub fn redirect(to: &str) -> Reply {
        Reply::new("302 Found", "").header("Location", to)
    }

    /// Closes the connection without an answer.
    pub fn nothing() -> Reply {
        Reply { then: Then::Close, ..Reply::new("", "") }
    }

    pub fn tunnel() -> Reply {
        Reply { then: Then::Tunnel, ..Reply::new("200 OK", "") }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Returns the value of a header of this answer.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Sets the Content-Length, whatever the length of the body.
    #[must_use]
    pub fn claiming(self, length: usize) -> Reply {
        Reply { length: Some(length), ..self }
    }

    /// Ends the body with the connection instead of sending its length.
    #[must_use]
    pub fn without_length(self) -> Reply {
        Reply { length: Some(usize::MAX), then: Then::Close, ..self }
    }

    /// Closes the connection after this many bytes of the body.
    #[must_use]
    pub fn cut_at(self, bytes: usize) -> Reply {
        Reply { cut: Some(bytes), then: Then::Close, ..self }
    }

    /// Sends no more bytes after this many bytes of the body.
    #[must_use]
    pub fn stalling_at(self, bytes: usize) -> Reply {
        Reply { cut: Some(bytes), then: Then::Stall, ..self }
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {}\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match self.length.unwrap_or(self.body.len()) {
            usize::MAX => {}
            _ if self.then == Then::Tunnel => {}
            length => head.push_str(&format!("Content-Length: {length}\r\n")),
        }
        head + "\r\n"
    }
}

/// A connection, with or without TLS.
trait Stream: Read + Write {
    fn socket(&self) -> &TcpStream;
}

struct Plain(TcpStream);

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Stream for Plain {
    fn socket(&self) -> &TcpStream {
        &self.0
    }
}

impl Stream for rustls::StreamOwned<rustls::ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
}

/// Returns the gate of a server that reads all of each body.
fn all(_: &Request) -> usize {
    usize::MAX
}

fn serve(
    stream: &mut dyn Stream,
    gate: &dyn Fn(&Request) -> usize,
    answer: &dyn Fn(Request) -> Reply,
) -> io::Result<()> {
    while let Some(mut request) = read_request(stream)? {
        let length = request.header("content-length").map_or(0, |it| it.parse().unwrap());
        request.body.resize(gate(&request).min(length), 0);
        stream.read_exact(&mut request.body)?;
        let target = request.path.clone();
        let head_only = request.method == "HEAD";
        let reply = answer(request);
        if !reply.status.is_empty() {
            let most = if head_only { 0 } else { reply.cut.unwrap_or(reply.body.len()) };
            let body = &reply.body[..most.min(reply.body.len())];
            stream.write_all(&[reply.head().as_bytes(), body].concat())?;
            stream.flush()?;
        }
        match reply.then {
            Then::KeepAlive => {}
            Then::Close => return stream.socket().shutdown(Shutdown::Both),
            Then::Stall => return io::copy(stream, &mut io::sink()).map(drop),
            Then::Tunnel => return tunnel(stream.socket(), &target),
        }
    }
    Ok(())
}

/// Connects to this machine with the target's port, whatever its host name.
fn tunnel(near: &TcpStream, target: &str) -> io::Result<()> {
    let port: u16 = target.rsplit(':').next().unwrap().parse().unwrap();
    let far = TcpStream::connect(("127.0.0.1", port))?;
    let (mut from_far, mut to_near) = (far.try_clone()?, near.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_far, &mut to_near);
        let _ = to_near.shutdown(Shutdown::Write);
    });
    let (mut from_near, mut to_far) = (near.try_clone()?, far);
    io::copy(&mut from_near, &mut to_far)?;
    to_far.shutdown(Shutdown::Write)
}

fn read_request(stream: &mut dyn Stream) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut words = lines.next().unwrap().split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let split =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = lines.filter_map(split).collect();
    Ok(Some(Request { method, path, headers, body: Vec::new(), nth: 0 }))
}
