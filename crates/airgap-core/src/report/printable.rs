//! Text that a terminal shows as it is written.
//!
//! Names in archives and answers of servers are untrusted. A terminal obeys control characters, and
//! shows a text with the characters of this list in another order, or not at all.

use std::borrow::Cow;

/// Returns whether a character steers a terminal, reorders the text beside it or cannot be seen:
/// controls (C0, DEL, C1), line and paragraph separators, bidirectional formatting, and Unicode's
/// `Default_Ignorable_Code_Point`, such as zero-width spaces, tags and soft hyphens.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Replaces hidden characters, except the end of a line, by U+FFFD. Emoji stay whole: a character
/// that joins two emoji, or selects the style of one, counts as hidden only elsewhere.
pub fn printable(text: &str) -> String {
    visible(text, true)
}

/// Replaces hidden characters, and also the ends of lines, by U+FFFD.
pub fn printable_line(text: &str) -> String {
    visible(text, false)
}

fn visible(text: &str, has_lines: bool) -> String {
    let mut chars = text.chars().peekable();
    // Whether an emoji was just before, and whether a style selector may still follow.
    let (mut picture, mut style) = (false, false);
    std::iter::from_fn(|| {
        let c = chars.next()?;
        let stays = match c {
            '\n' => has_lines,
            STYLE_TEXT | STYLE_EMOJI => style,
            JOINER => picture && chars.peek().copied().is_some_and(is_picture),
            _ => !is_hidden(c),
        };
        style = is_picture(c);
        picture = style || (stays && matches!(c, STYLE_TEXT | STYLE_EMOJI));
        Some(if stays { c } else { char::REPLACEMENT_CHARACTER })
    })
    .collect()
}

/// The variation selectors of emoji, and the zero-width joiner (Unicode Technical Standard 51).
const STYLE_TEXT: char = '\u{fe0e}';
const STYLE_EMOJI: char = '\u{fe0f}';
const JOINER: char = '\u{200d}';

/// Returns whether a character may be an emoji: not a letter, digit or other sign used in names.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

/// Cuts a text to `most` characters and makes it printable. Secrets are removed before, as half of
/// one would not be found afterwards.
pub fn shortened(text: &str, most: usize) -> String {
    let text = crate::secrets::hide(text);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", printable(&text[..end])),
        None => printable(&text),
    }
}

/// Writes hidden characters as the escapes of the language that the text is in.
pub(crate) fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) { escape(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_invisible_characters_are_replaced() {
        assert_eq!(shortened("\u{e4}b\tc", 3), "\u{e4}b\u{fffd}...");
        assert_eq!(printable("a\u{1b}[2Jb\r\nc"), "a\u{fffd}[2Jb\u{fffd}\nc");
        assert_eq!(printable_line("a\r\nb"), "a\u{fffd}\u{fffd}b");
        let hidden = "\0\u{7f}\u{80}\u{9b}\u{ad}\u{61c}\u{200b}\u{200e}\u{2028}\u{202e}\u{2060}\
                      \u{2066}\u{2069}\u{feff}\u{e0041}";
        assert!(printable(hidden).chars().all(|c| c == '\u{fffd}'), "{hidden:?}");
        let seen = "a\u{e4}\u{4e2d} \u{1f600}\u{a0}";
        assert_eq!(printable(seen), seen);
    }

    #[test]
    fn emoji_sequences_stay_and_other_joiners_are_replaced() {
        for seen in [
            "\u{2764}\u{fe0f}",
            "\u{1f469}\u{200d}\u{1f4bb}",
            "\u{1f469}\u{1f3fd}\u{200d}\u{1f4bb}.",
            "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
        ] {
            assert_eq!((printable(seen), printable_line(seen)), (seen.into(), seen.into()));
        }
        for (text, shown) in [
            ("a\u{fe0f}1\u{fe0f}", "a\u{fffd}1\u{fffd}"),
            ("a\u{200d}b", "a\u{fffd}b"),
            ("\u{2764}\u{fe0f}\u{fe0f}", "\u{2764}\u{fe0f}\u{fffd}"),
            ("\u{2764}\u{fe01}", "\u{2764}\u{fffd}"),
            ("\u{1f469}\u{200d}a", "\u{1f469}\u{fffd}a"),
            ("\u{1f469}\u{200d}\u{200d}\u{1f4bb}", "\u{1f469}\u{fffd}\u{fffd}\u{1f4bb}"),
            ("\u{1f469}\u{202e}\u{200d}\u{1f4bb}", "\u{1f469}\u{fffd}\u{fffd}\u{1f4bb}"),
        ] {
            assert_eq!(printable(text), shown, "{}", text.escape_unicode());
        }
    }
}
