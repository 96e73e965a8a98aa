//! Pages of a list: `PageSize` (50, at most 1,000), `Page`, and the opaque `PageToken`, which only the link of a next
//! or previous page contains.

use serde_json::{Value, json};

use super::{problem::Problem, query::Query};

/// The parameters that a page link sets itself.
pub(super) const PARAMETERS: [&str; 3] = ["PageSize", "Page", "PageToken"];

const DEFAULT_SIZE: usize = 50;
const MAXIMUM_SIZE: usize = 1000;

/// The requested page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) size: usize,
    pub(super) index: usize,
    /// The number of items before this page, which a token represents.
    offset: usize,
}

/// A page's items and its position in the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sheet<T> {
    pub(super) items: Vec<T>,
    pub(super) start: usize,
    pub(super) next: Option<Page>,
    pub(super) previous: Option<Page>,
}

impl Page {
    pub(super) fn parse(query: &Query) -> Result<Self, Problem> {
        let size = number(query, "PageSize")?.unwrap_or(DEFAULT_SIZE);
        if !(1..=MAXIMUM_SIZE).contains(&size) {
            return Err(Problem::invalid(format!(
                "PageSize {size} is not in 1..={MAXIMUM_SIZE}"
            )));
        }
        let index = number(query, "Page")?.unwrap_or(0);
        let offset = match query.first("PageToken") {
            Some(token) => token
                .strip_prefix("PT")
                .and_then(|offset| offset.parse().ok())
                .ok_or_else(|| Problem::invalid("PageToken was not given out by this list"))?,
            None if index == 0 => 0,
            None => return Err(Problem::invalid("Page needs the PageToken of the previous page")),
        };
        Ok(Self { size, index, offset })
    }

    pub(super) fn of<T>(self, items: Vec<T>) -> Sheet<T> {
        let end = self.offset.saturating_add(self.size);
        let next = (end < items.len()).then(|| Self {
            index: self.index.saturating_add(1),
            offset: end,
            ..self
        });
        let previous = (self.offset > 0).then(|| Self {
            index: self.index.saturating_sub(1),
            offset: self.offset.saturating_sub(self.size),
            ..self
        });
        let items = items.into_iter().skip(self.offset).take(self.size).collect();
        Sheet {
            items,
            start: self.offset,
            next,
            previous,
        }
    }

    pub(super) fn first(self) -> Self {
        Self {
            index: 0,
            offset: 0,
            ..self
        }
    }

    /// The `meta` of a list in Twilio's newer APIs. `key` is the name of the items, and `sheet` is this page's.
    pub(super) fn meta<T>(self, sheet: &Sheet<T>, list: &str, key: &str, query: &Query) -> Value {
        json!({
            "first_page_url": self.first().link(list, query),
            "key": key,
            "next_page_url": sheet.next.map(|page| page.link(list, query)),
            "page": self.index,
            "page_size": self.size,
            "previous_page_url": sheet.previous.map(|page| page.link(list, query)),
            "url": self.link(list, query),
        })
    }

    /// The page's link: the filters of the list, then the position of the page.
    pub(super) fn link(self, list: &str, query: &Query) -> String {
        let query = query
            .without(&PARAMETERS)
            .with("PageSize", self.size)
            .with("Page", self.index);
        let query = if self.offset == 0 {
            query
        } else {
            query.with("PageToken", format!("PT{}", self.offset))
        };
        format!("{list}?{}", query.encode())
    }
}

fn number(query: &Query, name: &str) -> Result<Option<usize>, Problem> {
    let Some(text) = query.first(name) else { return Ok(None) };
    text.parse()
        .map(Some)
        .map_err(|_| Problem::invalid(format!("{name} is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn following_the_links_visits_every_item_once_and_comes_back() {
        let all: Vec<u32> = (0..7).collect();
        let list = "/list";
        let (mut seen, mut link) = (Vec::new(), "/list?CallSid=CA1&PageSize=3".to_owned());
        let mut last = None;
        loop {
            let query = Query::parse(link.split_once('?').unwrap().1.as_bytes());
            assert_eq!(query.first("CallSid"), Some("CA1"), "the links keep the filters");
            let sheet = Page::parse(&query).unwrap().of(all.clone());
            seen.extend(sheet.items);
            let Some(next) = sheet.next else {
                last = sheet.previous.or(last);
                break;
            };
            link = next.link(list, &query);
        }
        assert_eq!(seen, all);
        assert_eq!(last.unwrap().of(all).items, [3, 4, 5]);
    }

    #[test]
    fn bad_pages_are_refused() {
        for wrong in [
            "PageSize=0",
            "PageSize=1001",
            "PageSize=x",
            "Page=1",
            "Page=-1",
            "PageToken=RE1",
            "PageToken=PTx",
        ] {
            let answer = Page::parse(&Query::parse(wrong.as_bytes()));
            assert_eq!(answer.unwrap_err().code, 20001, "{wrong}");
        }
    }
}
