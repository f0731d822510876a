//! What a link to a file says besides its label: the kind and the size, as in `PDF 312KB`.
//!
//! Readers on a telephone decide by it whether to open the file now (WCAG 2.2 does not ask for it;
//! the guideline for public sites does). Sizes use powers of 1024 and round up, so that no file is
//! announced smaller than it is.

/// What the rendering knows of an item of the media library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Where readers fetch it.
    pub url: String,
    /// Its media type, without parameters.
    pub content_type: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Width and height in pixels, of an image.
    pub pixels: Option<(u32, u32)>,
}

impl FileFacts {
    /// Kind and size: `PDF 312KB`.
    #[must_use]
    pub fn kind_and_size(&self) -> String {
        format!("{} {}", kind(&self.content_type), size(self.bytes))
    }
}

/// The short name of a media type, as readers know it.
fn kind(content_type: &str) -> &str {
    match content_type {
        "application/pdf" => "PDF",
        "text/csv" => "CSV",
        "text/plain" => "TXT",
        "image/png" => "PNG",
        "image/jpeg" => "JPEG",
        "image/webp" => "WebP",
        "image/gif" => "GIF",
        "image/svg+xml" => "SVG",
        "application/zip" => "ZIP",
        "application/msword"
        | "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "Word",
        "application/vnd.ms-excel"
        | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "Excel",
        _ => "File",
    }
}

fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    if bytes < KIB {
        format!("{bytes}B")
    } else if bytes <= 999 * KIB {
        format!("{}KB", bytes.div_ceil(KIB))
    } else {
        let tenths = bytes.saturating_mul(10).div_ceil(MIB);
        format!("{}.{}MB", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short_and_never_too_small() {
        let shown = [
            0,
            1023,
            1024,
            1025,
            319_000,
            1024 * 999,
            1024 * 1000,
            1024 * 1024,
            5_300_000,
        ]
        .map(size);
        assert_eq!(
            shown,
            [
                "0B", "1023B", "1KB", "2KB", "312KB", "999KB", "1.0MB", "1.0MB", "5.1MB"
            ]
        );
    }

    #[test]
    fn a_file_says_its_kind_and_size() {
        let facts = FileFacts {
            url: String::new(),
            content_type: "application/pdf".to_owned(),
            bytes: 319_000,
            pixels: None,
        };
        assert_eq!(facts.kind_and_size(), "PDF 312KB");
    }
}
