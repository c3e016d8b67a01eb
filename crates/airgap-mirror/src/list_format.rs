//! Lists of images in the formats of other air-gap tools.

use serde_json::json;

use super::reference::ImageReference;
use crate::yaml;

/// The name of the written manifest, package and component.
const NAME: &str = "images";

/// The format of a list of images that another tool reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFormat {
    /// One image per line, for scripts.
    Images,
    /// A Hauler manifest, for `hauler store sync`.
    Hauler,
    /// A Zarf package with one component, for `zarf package create`.
    Zarf,
}

impl std::str::FromStr for ListFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<ListFormat, String> {
        match text {
            "images" => Ok(ListFormat::Images),
            "hauler" => Ok(ListFormat::Hauler),
            "zarf" => Ok(ListFormat::Zarf),
            _ => Err("the formats are `images`, `hauler` and `zarf`".to_owned()),
        }
    }
}

impl ListFormat {
    /// Returns the text of a list with these images.
    ///
    /// Hauler's manifest is documented in "Hauler Manifest for Images"
    /// (<https://docs.hauler.dev/docs/hauler-usage/store/add/image>), and the `images` of a component
    /// in Zarf's reference of components (<https://docs.zarf.dev/ref/components/>) and its schema
    /// (<https://docs.zarf.dev/schema/v1alpha1-package>).
    pub fn text<'a>(self, images: impl Iterator<Item = &'a ImageReference>) -> String {
        let images = images.map(ImageReference::to_string);
        match self {
            ListFormat::Images => images.map(|image| format!("{image}\n")).collect(),
            ListFormat::Hauler => {
                let images: Vec<_> = images.map(|image| json!({ "name": image })).collect();
                yaml::block(&json!({
                    "apiVersion": "content.hauler.cattle.io/v1",
                    "kind": "Images",
                    "metadata": { "name": NAME },
                    "spec": { "images": images },
                }))
            }
            ListFormat::Zarf => {
                let images: Vec<_> = images.collect();
                yaml::block(&json!({
                    "kind": "ZarfPackageConfig",
                    "metadata": { "name": NAME },
                    "components": [{ "name": NAME, "required": true, "images": images }],
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_the_images_in_their_order() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let images = ["quay.io/a/b:1".to_owned(), format!("docker.io/nats:2@{digest}")];
        let parsed: Vec<ImageReference> = images.iter().map(|it| it.parse().unwrap()).collect();
        let text = |format: ListFormat| format.text(parsed.iter());
        assert_eq!(text(ListFormat::Images), format!("{}\n{}\n", images[0], images[1]));
        assert_eq!(
            text(ListFormat::Hauler),
            format!(
                "apiVersion: content.hauler.cattle.io/v1\nkind: Images\nmetadata:\n  name: images\nspec:\n  images:\n    - name: {}\n    - name: {}\n",
                images[0], images[1]
            )
        );
        assert_eq!(
            text(ListFormat::Zarf),
            format!(
                "kind: ZarfPackageConfig\nmetadata:\n  name: images\ncomponents:\n  - name: images\n    required: true\n    images:\n      - {}\n      - {}\n",
                images[0], images[1]
            )
        );
    }
}
