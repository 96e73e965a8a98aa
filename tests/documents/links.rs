//! Checks the links of the documents: each relative link must lead to a file, and each anchor to a heading.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    process::Command,
};

use pulldown_cmark::{BrokenLink, CowStr, Event, Options, Parser, Tag, TagEnd};
use toolbox::workspace_root;

use crate::sources::read;

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_a_heading() {
    let documents = documents();
    assert!(documents.len() > 8, "{documents:?}");
    let broken: Vec<_> = documents
        .iter()
        .flat_map(|document| {
            let links = links(&read(document)).into_iter();
            links
                .filter(|link| !resolves(document, link))
                .map(move |link| format!("{document}: {link}"))
        })
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The documents that Git tracks, as paths relative to the workspace root.
pub(crate) fn documents() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "*.md"])
        .current_dir(workspace_root())
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.lines().map(str::to_owned).collect()
}

/// The targets of a document's links and pictures. `[text][name]` without a definition of `name` has the target `name`.
fn links(text: &str) -> Vec<String> {
    let undefined = |link: BrokenLink<'_>| {
        // `[text]` alone is plain text in brackets.
        matches!(link.link_type, pulldown_cmark::LinkType::Reference)
            .then(|| (CowStr::from(link.reference.to_string()), CowStr::from("")))
    };
    let events = Parser::new_with_broken_link_callback(text, Options::ENABLE_TABLES, Some(undefined));
    events
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
            _ => None,
        })
        .collect()
}

fn resolves(document: &str, link: &str) -> bool {
    if link.contains("://") || link.starts_with("mailto:") {
        return true;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let file = if file.is_empty() {
        PathBuf::from(document)
    } else {
        Path::new(document).with_file_name(file)
    };
    let exists = workspace_root().join(&file).exists();
    exists && (anchor.is_empty() || anchors(&read(file.to_str().unwrap())).contains(anchor))
}

/// The anchors that GitHub generates for a document's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut repeated = HashMap::new();
    let mut heading = None;
    let mut anchors = BTreeSet::new();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(words) | Event::Code(words) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let slug = slug(&heading.take().unwrap());
                let earlier: &mut u32 = repeated.entry(slug.clone()).or_default();
                anchors.insert(if *earlier == 0 {
                    slug
                } else {
                    format!("{slug}-{earlier}")
                });
                *earlier += 1;
            }
            _ => {}
        }
    }
    anchors
}

/// Converts to lower case, removes punctuation, and replaces spaces by hyphens.
fn slug(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn anchors_are_those_of_github() {
    let text = "# `run` it: twice, Ü\n\n## Notes\n\n## Notes\n\n```\n# code\n```\n";
    let expected = ["run-it-twice-ü", "notes", "notes-1"];
    assert_eq!(anchors(text), expected.map(str::to_owned).into());
}

#[test]
fn links_in_code_are_text_and_undefined_names_are_links() {
    let text = "[a](b.md#c) `[d](e)` [f][g] [h]\n\n```\n[i](j)\n```\n";
    assert_eq!(links(text), ["b.md#c", "g"]);
}
