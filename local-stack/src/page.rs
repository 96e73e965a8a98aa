//! A page to play recordings in a browser on this machine: Twilio's own Insights Player beside a plain `<audio>`
//! element.
//!
//! The page consists of a few files without a framework, in `page/`. Its origin differs from the playback function's.
//! It requests a link from `url_provider` with a Flex token, and gives the link to both players. This server provides
//! what a Player gets from Flex, namely the listener and the recordings. It also provides what no Player has: the
//! requests on the server side.

mod insights_player;
mod recordings;
mod traffic;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{
        IntoResponse, Response,
        sse::{KeepAlive, Sse},
    },
    routing::{MethodRouter, get},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use twilio_double::{FlexToken, flex_token};

use crate::{exchange::Exchanges, values, wire::Wire};

/// The sources of what the page shows.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) playback_base: String,
    pub(crate) exchanges: Exchanges,
    pub(crate) wire: Wire,
}

impl Page {
    /// Serves as long as the current runtime lives.
    pub(crate) fn serve(self, listener: TcpListener) {
        let routes = Router::new()
            .route(
                "/",
                file("text/html; charset=utf-8", include_str!("../page/index.html")),
            )
            .route("/page.css", file("text/css", include_str!("../page/page.css")))
            .route("/format.js", file("text/javascript", include_str!("../page/format.js")))
            .route(
                "/insights.js",
                file("text/javascript", include_str!("../page/insights.js")),
            )
            .route("/insights-player/{name}", get(insights_player::file))
            .route("/page.js", file("text/javascript", include_str!("../page/page.js")))
            .route("/player.js", file("text/javascript", include_str!("../page/player.js")))
            .route(
                "/traffic.js",
                file("text/javascript", include_str!("../page/traffic.js")),
            )
            .route("/session", get(session))
            .route("/recordings", get(recordings))
            .route("/traffic", get(traffic))
            .with_state(self);
        // It ends with its runtime. Accepting fails only for connections that are already gone.
        tokio::spawn(axum::serve(listener, routes).into_future());
    }
}

/// The token of an agent, whose role may not listen.
pub(crate) fn agent() -> FlexToken {
    FlexToken {
        roles: vec!["agent".to_owned()],
        identity: "agent_40example_2Ecom".to_owned(),
        ..FlexToken::supervisor(values::AGENT_TOKEN)
    }
}

/// The listeners that the page's user can choose from, and the address for links.
async fn session(State(page): State<Page>) -> Json<Value> {
    Json(json!({
        "urlProvider": format!("{}/media-url?recordingSid=", page.playback_base),
        "listeners": [
            {"name": "A supervisor", "token": values::FLEX_TOKEN},
            {"name": "An agent, whose role is not allowed", "token": values::AGENT_TOKEN},
            {"name": "A listener whose session has ended", "token": flex_token!("a-token-that-nobody-knows")},
        ],
    }))
}

async fn recordings(State(page): State<Page>) -> Response {
    match recordings::list(&page.s3, &page.playback_base).await {
        Ok(recordings) => Json(recordings).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn traffic(State(page): State<Page>) -> impl IntoResponse {
    Sse::new(traffic::events(page.exchanges, page.wire)).keep_alive(KeepAlive::default())
}

fn file(content_type: &'static str, text: &'static str) -> MethodRouter<Page> {
    get(async move || ([(CONTENT_TYPE, content_type)], text))
}
