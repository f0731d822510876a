//! Long listings in pages: which entries, and the links to the other pages.

/// Entries on one page of a listing.
pub const PER_PAGE: u32 = 30;

/// The links of one page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// Number of the last page, from 1.
    pub last: u32,
    /// Position of the first entry shown, from 1.
    pub first_item: u32,
    /// Position of the last entry shown.
    pub last_item: u32,
    /// Link to the page before; empty on the first.
    pub previous: String,
    /// Link to the page after; empty on the last.
    pub next: String,
    /// The pages, those far away left out.
    pub steps: Vec<PageStep>,
}

/// One entry of the list of pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageStep {
    /// Its number.
    pub number: u32,
    /// Its link.
    pub href: String,
    /// Whether it is the page shown.
    pub current: bool,
    /// Whether pages are left out here.
    pub gap: bool,
}

impl Paging {
    /// The links of page `number` of a listing of `total` entries; `href` gives the link to a page.
    /// `None` when there is no such page; an empty listing has one page.
    #[must_use]
    pub fn new(number: u32, total: u32, href: impl Fn(u32) -> String) -> Option<Self> {
        let last = total.div_ceil(PER_PAGE).max(1);
        if number == 0 || number > last {
            return None;
        }
        let first_item = (number - 1) * PER_PAGE + 1;
        let mut steps: Vec<PageStep> = Vec::new();
        for near in
            (1..=last).filter(|other| *other == 1 || *other == last || other.abs_diff(number) <= 2)
        {
            if steps.last().is_some_and(|before| before.number + 1 < near) {
                steps.push(PageStep {
                    gap: true,
                    ..PageStep::default()
                });
            }
            steps.push(PageStep {
                number: near,
                href: href(near),
                current: near == number,
                gap: false,
            });
        }
        Some(Self {
            last,
            first_item: first_item.min(total),
            last_item: (first_item + PER_PAGE - 1).min(total),
            previous: if number > 1 {
                href(number - 1)
            } else {
                String::new()
            },
            next: if number < last {
                href(number + 1)
            } else {
                String::new()
            },
            steps,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_pages_are_left_out() {
        let paging = Paging::new(10, 20 * PER_PAGE, |number| format!("?page={number}")).unwrap();
        let shown: Vec<String> = paging
            .steps
            .iter()
            .map(|step| {
                if step.gap {
                    "…".to_owned()
                } else {
                    step.number.to_string()
                }
            })
            .collect();
        assert_eq!(shown, ["1", "…", "8", "9", "10", "11", "12", "…", "20"]);
        assert_eq!(
            (paging.first_item, paging.last_item),
            (9 * PER_PAGE + 1, 10 * PER_PAGE)
        );
        assert_eq!(
            (paging.previous.as_str(), paging.next.as_str()),
            ("?page=9", "?page=11")
        );
    }

    #[test]
    fn an_empty_listing_has_one_page() {
        let paging = Paging::new(1, 0, |_| String::new()).unwrap();
        assert_eq!(
            (paging.last, paging.first_item, paging.last_item),
            (1, 0, 0)
        );
        assert!(Paging::new(2, 0, |_| String::new()).is_none());
        assert!(Paging::new(0, 9, |_| String::new()).is_none());
    }

    #[test]
    fn the_last_page_may_be_short() {
        let paging = Paging::new(2, PER_PAGE + 1, |_| String::new()).unwrap();
        assert_eq!(
            (paging.first_item, paging.last_item),
            (PER_PAGE + 1, PER_PAGE + 1)
        );
        assert!(paging.next.is_empty());
    }
}
