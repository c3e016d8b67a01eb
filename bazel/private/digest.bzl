"""The check of a SHA-256 in an attribute."""

def digest_problem(text):
    """Checks the form of a SHA-256.

    Args:
        text: 64 hexadecimal digits, with `sha256:` before them or without.

    Returns:
        The problem, as the end of a sentence, or None.
    """
    digits = text.removeprefix("sha256:")
    if len(digits) != 64:
        return "is `{}`, which has {} hexadecimal digits; a SHA-256 has 64".format(text, len(digits))
    if digits.lower().strip("0123456789abcdef"):
        return "is `{}`, which contains other characters than hexadecimal digits".format(text)
    return None
