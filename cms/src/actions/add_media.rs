//! Takes a picture or file into the media library.

use crate::domain::{Actor, Media, MediaId};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::{audit, media};

/// What may be taken in: extension and media type. SVG is left out, because it can hold scripts.
const KINDS: [(&str, &str); 5] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("pdf", "application/pdf"),
];

/// Stores the content under its hash, then the row. The same content is stored once.
///
/// # Errors
/// [`CmsError::Refused`] when the kind of file is not taken, or the name cannot be used.
pub async fn add_media(
    state: &CmsState,
    actor: &Actor,
    file_name: &str,
    alt: &str,
    size: Option<(i64, i64)>,
    content: &[u8],
) -> Result<Media, CmsError> {
    let media = describe(file_name, alt, size, content)?;
    store_content(state, &media.id, content).await?;
    let at = state.now();
    let mut change = state.store.begin().await?;
    media::insert_media(&mut change, &media, at).await?;
    audit::insert(
        &mut change,
        at,
        actor,
        "add_media",
        None,
        (None, None),
        &media.url_path(),
    )
    .await?;
    state.commit(change).await?;
    Ok(media)
}

/// What the row will say of some content.
pub(crate) fn describe(
    file_name: &str,
    alt: &str,
    size: Option<(i64, i64)>,
    content: &[u8],
) -> Result<Media, CmsError> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let extension = file_name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    let kind = KINDS
        .iter()
        .find(|(known, _)| Some(*known) == extension.as_deref());
    let (Some((_, content_type)), true) =
        (kind, file_name.chars().all(plain) && file_name.len() <= 100)
    else {
        return Err(CmsError::refused(
            "ファイル名は半角の英数字と - _ で、拡張子は png、jpg、webp、pdf のどれかにしてください。",
        ));
    };
    Ok(Media {
        id: MediaId::of(content),
        file_name: file_name.to_owned(),
        content_type: (*content_type).to_owned(),
        bytes: i64::try_from(content.len()).unwrap_or(i64::MAX),
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
        alt: alt.to_owned(),
    })
}

/// Writes the content beside its place and renames it, so that a name never stands for half of it.
pub(crate) async fn store_content(
    state: &CmsState,
    id: &MediaId,
    content: &[u8],
) -> Result<(), CmsError> {
    let path = state.media_file(id);
    if tokio::fs::try_exists(&path).await.unwrap_or(false) {
        return Ok(());
    }
    let partial = path.with_extension("partial");
    let write = async {
        use tokio::io::AsyncWriteExt;
        let mut file = tokio::fs::File::create(&partial).await?;
        file.write_all(content).await?;
        file.sync_all().await?;
        tokio::fs::rename(&partial, &path).await
    };
    write.await.map_err(CmsError::at(&path))
}
