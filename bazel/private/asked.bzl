"""What the tags of all modules ask for by name, and where they disagree."""

def asked_by(modules, tags_of, describe):
    """The tags of all modules, each with who asks.

    Args:
        modules: the modules, the root first.
        tags_of: a function that gives the tags of a module.
        describe: a function that says in words what a tag asks for. Tags with the same words ask
            for the same.

    Returns:
        A list of structs with `is_root`, `module`, `name`, `tag` and `wish`.
    """
    return [
        struct(is_root = module.is_root, module = module.name, name = tag.name, tag = tag, wish = describe(tag))
        for module in modules
        for tag in tags_of(module)
    ]

def one_each(kind, asked, remedy):
    """One tag for each name. The same thing may be asked for twice, and is shared.

    Args:
        kind: what is asked for, in the plural, as in "components".
        asked: a list of structs as `asked_by` gives it.
        remedy: what to do about two that disagree.

    Returns:
        A dict from name to tag, and None or a string that names two that disagree.
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

def _said(one):
    return "{} asks for {}".format("the module `{}`".format(one.module) if one.module else "the root module", one.wish)
