//! Recognizes requests by method and path.

use http::Method;

use crate::refusal::Refusal;

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `GET` or `HEAD` of a recording by a signed link: `/recordings/RE…`, or the original proxy's `/`.
    Recording,
    /// `GET` of a link for the Player.
    MediaUrl,
    /// A browser's preflight.
    Preflight {
        /// The methods of the path.
        allow: &'static str,
    },
}

impl Route {
    /// The route of a request.
    pub(crate) fn of(method: &Method, path: &str) -> Result<Self, Refusal> {
        let (route, methods, allow): (_, &[Method], _) = match path {
            "/media-url" => (Self::MediaUrl, &[Method::GET], "GET, OPTIONS"),
            path if playback_link::is_link_path(path) => {
                (Self::Recording, &[Method::GET, Method::HEAD], "GET, HEAD, OPTIONS")
            }
            _ => return Err(Refusal::NoSuchPath),
        };
        match method {
            &Method::OPTIONS => Ok(Self::Preflight { allow }),
            method if methods.contains(method) => Ok(route),
            _ => Err(Refusal::MethodNotAllowed { allow }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_find_their_routes() {
        for (method, path, route) in [
            (Method::GET, "/recordings/RE1", Route::Recording),
            (Method::HEAD, "/recordings/RE1", Route::Recording),
            (Method::GET, "/", Route::Recording),
            (Method::GET, "", Route::Recording),
            (Method::HEAD, "/", Route::Recording),
            (Method::GET, "/media-url", Route::MediaUrl),
        ] {
            assert_eq!(Route::of(&method, path).unwrap(), route, "{method} {path}");
        }
        for path in ["/", "/recordings/RE1", "/media-url"] {
            let route = Route::of(&Method::OPTIONS, path);
            assert!(matches!(route, Ok(Route::Preflight { .. })), "{path}");
        }
    }

    #[test]
    fn other_methods_are_answered_with_the_allowed_ones() {
        for (method, path, expected) in [
            (Method::POST, "/recordings/RE1", "GET, HEAD, OPTIONS"),
            (Method::POST, "/", "GET, HEAD, OPTIONS"),
            (Method::PUT, "/", "GET, HEAD, OPTIONS"),
            (Method::DELETE, "/media-url", "GET, OPTIONS"),
            (Method::HEAD, "/media-url", "GET, OPTIONS"),
        ] {
            match Route::of(&method, path) {
                Err(Refusal::MethodNotAllowed { allow }) => assert_eq!(allow, expected, "{method} {path}"),
                other => panic!("{method} {path}: {other:?}"),
            }
        }
    }

    #[test]
    fn other_paths_are_nowhere() {
        for path in [
            "/media-url/",
            "/Media-Url",
            "//",
            "/recordings",
            "/Recordings/RE1",
            "//recordings/RE1",
            "/vault/recordings/RE1",
            "/.env",
        ] {
            for method in [Method::GET, Method::OPTIONS, Method::POST] {
                let route = Route::of(&method, path);
                assert!(matches!(route, Err(Refusal::NoSuchPath)), "{method} {path}");
            }
        }
    }
}
