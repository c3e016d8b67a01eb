//! Plain lists of images, one per line, as Longhorn, Rook, K3s and Rancher publish them with their
//! releases.
//!
//! A line may be indented, may end in blanks or a carriage return, and may have a comment after
//! `#`. A name without a registry is on Docker Hub.

use super::image_occurrence::{ImageOccurrence, OccurrenceKind};
use super::image_text;
use super::reference::ImageReference;
use crate::yaml::Position;

/// The field of an image in a list, for messages.
const FIELD: &str = "listed";

/// Returns the images of a text that is such a list; `None` if it is not one.
///
/// It is a list if each line is one word, and at least half of them are images with a part that
/// only images have; with lines of several words, such as a title, more than half. A manifest has
/// lines such as `kind: Pod` or `- nginx:1`, which no list has.
pub(super) fn images<'a>(
    text: &'a str,
    name: &str,
) -> Option<impl Iterator<Item = ImageOccurrence> + 'a> {
    let (mut words, mut named, mut several) = (0_usize, 0_usize, 0_usize);
    for (_, word) in lines(text) {
        if is_yaml(word) {
            return None;
        }
        words += 1;
        several += usize::from(word.contains(char::is_whitespace));
        named += usize::from(image_text::named_image(image_text::bare(word)).is_some());
    }
    let is_list = named > 0 && named * 2 >= words + several.min(1);
    let file: std::rc::Rc<str> = name.into();
    let occurrence = move |(place, word): ((u32, u32), &str)| {
        let written = image_text::bare(word).to_owned();
        ImageOccurrence {
            image: written.parse::<ImageReference>(),
            written,
            named_by: OccurrenceKind::Text,
            resource: None,
            field: FIELD.to_owned(),
            is_whole: false,
            place: Position { file: file.clone(), line: place.0, column: place.1 },
        }
    };
    is_list.then(|| lines(text).map(occurrence))
}

/// Returns whether a line is one of a mapping or a list, as in `kind: Pod`.
fn is_yaml(line: &str) -> bool {
    line.contains(": ") || line.contains(":\t") || line.starts_with("- ")
}

/// Returns the words of a list with their lines and columns, without comments.
fn lines(text: &str) -> impl Iterator<Item = ((u32, u32), &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().zip(1_u32..).filter_map(|(line, number)| {
        let comment = line.match_indices('#').map(|(at, _)| at).find(|at| {
            let before = line[..*at].chars().next_back();
            before.is_none_or(char::is_whitespace)
        });
        let line = &line[..comment.unwrap_or(line.len())];
        let word = line.trim();
        let column = line.chars().take_while(|c| c.is_whitespace()).count() as u32 + 1;
        (!word.is_empty()).then_some(((number, column), word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<Vec<String>> {
        let images = images(text, "images.txt")?;
        Some(
            images
                .map(|it| format!("{} {}:{}", it.written, it.place.line, it.place.column))
                .collect(),
        )
    }

    #[test]
    fn published_image_lists_are_read() {
        for (text, expected) in [
            (
                "longhornio/csi-attacher:v4.8.0\nlonghornio/ui:v1\n",
                vec!["longhornio/csi-attacher:v4.8.0 1:1", "longhornio/ui:v1 2:1"],
            ),
            (
                " docker.io/rook/ceph:v1.17.0\n quay.io/ceph/ceph:v19  \n",
                vec!["docker.io/rook/ceph:v1.17.0 1:2", "quay.io/ceph/ceph:v19 2:2"],
            ),
            (
                "rancher/a:v1\r\n\r\n# two\r\nrancher/b:v2\t\r\n",
                vec!["rancher/a:v1 1:1", "rancher/b:v2 4:1"],
            ),
            ("\u{feff}nginx:1 # the web\nbusybox", vec!["nginx:1 1:1", "busybox 2:1"]),
            ("docker://ghcr.io/a/b:1", vec!["ghcr.io/a/b:1 1:1"]),
            ("nginx:1\nquay.io/Team/A:1", vec!["nginx:1 1:1", "quay.io/Team/A:1 2:1"]),
        ] {
            assert_eq!(found(text).unwrap(), expected, "{text:?}");
        }
        let bad: Vec<_> = images("nginx:1\nquay.io/Team/A:1", "x").unwrap().collect();
        assert!(bad[0].image.is_ok() && bad[1].image.as_ref().unwrap_err().contains("upper-case"));
    }

    #[test]
    fn a_title_in_an_image_list_is_a_bad_line_and_the_images_are_kept() {
        let found: Vec<_> =
            images("Images of version 2\n\nnginx:1\nbusybox:1\n", "x").unwrap().collect();
        let good: Vec<_> = found.iter().map(|it| it.image.is_ok()).collect();
        assert_eq!(good, [false, true, true]);
        assert_eq!(found[0].written, "Images of version 2");
    }

    #[test]
    fn other_text_is_not_an_image_list() {
        for text in [
            "",
            "# only\n",
            "kind: Pod\n",
            "a:\n  b:\n    c:\n",
            "{\"a\":\"b:1\"}",
            "---\n",
            "word\n",
            "- nginx:1\n",
            "nginx:1\nimage: b\n",
            "nginx:1\nredis:2\nimage: b\n",
            "nginx:1\nsome words\n",
            "data:\n- a\n",
            "true\nfalse\n",
            "1.0\n2.5\n",
        ] {
            assert!(found(text).is_none(), "{text:?}");
        }
    }
}
