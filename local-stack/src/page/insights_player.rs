//! Twilio's own Insights Player from npm. It is installed when the page first requests it.

use std::path::{Path, PathBuf};

use axum::{
    extract::Path as Named,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use toolbox::ToolError;

const MANIFEST: &str = include_str!("../../player/package.json");
const LOCK: &str = include_str!("../../player/package-lock.json");

/// The files that the page may request, with their paths in the packages. They are scripts for pages, except the
/// Player, which is a CommonJS module.
const FILES: [(&str, &str); 5] = [
    ("react.js", "react/umd/react.production.min.js"),
    ("react-dom.js", "react-dom/umd/react-dom.production.min.js"),
    ("wavesurfer.js", "wavesurfer.js/dist/wavesurfer.min.js"),
    ("eventemitter3.js", "eventemitter3/umd/eventemitter3.min.js"),
    ("player.js", "@twilio/player/dist/index.js"),
];

/// Answers with a file of the Player's packages, or with a 503 if they cannot be installed.
pub(super) async fn file(Named(name): Named<String>) -> Response {
    let Some((_, path)) = FILES.iter().find(|(known, _)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let read = tokio::task::spawn_blocking(|| read(Path::new(path)));
    match read.await {
        Ok(Ok(text)) => ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], text).into_response(),
        Ok(Err(reason)) => (StatusCode::SERVICE_UNAVAILABLE, reason.to_string()).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Unavailable> {
    let modules = toolbox::node_modules(MANIFEST, LOCK)?;
    let path = modules.join(path);
    std::fs::read(&path).map_err(|source| Unavailable::Unreadable { path, source })
}

#[derive(Debug, thiserror::Error)]
enum Unavailable {
    #[error(transparent)]
    NotInstalled(#[from] ToolError),
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
}
