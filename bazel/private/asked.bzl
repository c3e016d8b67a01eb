"""The tags of all modules by name, and the conflicts between them."""

def asked_by(modules, tags_of, describe):
    """Returns the tags of all modules, each with the module that has it.

    Args:
        modules: the modules, the root first.
        tags_of: a function that returns the tags of a module.
        describe: a function that returns the request of a tag in words. Two tags with the same words
            ask for the same thing.

    Returns:
        A list of structs with `is_root`, `module`, `name`, `tag` and `wish`.
    """
    return [
        struct(is_root = module.is_root, module = module.name, name = tag.name, tag = tag, wish = describe(tag))
        for module in modules
        for tag in tags_of(module)
    ]

def one_each(kind, asked, remedy):
    """Returns one tag for each name. Two tags may ask for the same thing, which is then shared.

    Args:
        kind: a plural noun for the things that are asked for, as in "components".
        asked: a list of structs as `asked_by` returns it.
        remedy: the advice for two tags that disagree.

    Returns:
        A dict from name to tag; and None, or a string that names two tags that disagree.
    """
    first = {}
    for one in asked:
        other = first.setdefault(one.name, one)
        if other.wish != one.wish:
            return {}, "two tags ask for different {} by the name `{}`:\n  {}\n  {}\n{}".format(
                kind,
                one.name,
                _said(other),
                _said(one),
                remedy,
            )
    return {name: one.tag for name, one in first.items()}, None

def contradiction(kind, pins):
    """Checks that registry files of several modules do not pin different bytes by one name.

    The root module's files have priority. The files of other modules add pins, and replace none.

    Args:
        kind: a plural noun for the pinned things, as in "archives".
        pins: a list of structs with `is_root`, `module`, `name`, `tag` and `wish`.

    Returns:
        None, or a string that names two pins that disagree.
    """
    by_root = {one.name: None for one in pins if one.is_root}
    others = [one for one in pins if not one.is_root and one.name not in by_root]
    _, problem = one_each(kind, others, "Pin the same in both; a registry file of the root module decides.")
    return problem

def pin(module, name, digest):
    """Creates the entry for one pin of a registry file.

    Args:
        module: the module that names the file, or None for this one's own files.
        name: the pinned thing, with its version.
        digest: the digest in the registry file.

    Returns:
        A struct for `contradiction`.
    """
    return struct(
        is_root = bool(module) and module.is_root,
        module = module.name if module else "rules_wasm_airgap",
        name = name,
        tag = None,
        wish = "the digest " + digest,
    )

def _said(one):
    return "{} asks for {}".format("the module `{}`".format(one.module) if one.module else "the root module", one.wish)
