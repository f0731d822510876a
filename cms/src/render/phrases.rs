//! The words of the frame in each language a page may be written in.
//!
//! Only what stands around a page of any language is here. Listings, the calendar and the search
//! are in Japanese alone, and their words stand in their templates.

use crate::domain::Language;

/// The words of one language.
#[derive(Debug, PartialEq, Eq)]
pub struct Phrases {
    /// The language's tag (BCP 47).
    pub tag: &'static str,
    /// Its name, in itself.
    pub name: &'static str,
    /// Link to the main part, first on every page.
    pub skip: &'static str,
    /// Name of the city.
    pub city: &'static str,
    /// What the site is.
    pub official: &'static str,
    /// The menu on narrow screens.
    pub menu: &'static str,
    /// The list of categories.
    pub categories: &'static str,
    /// The field of the search.
    pub search: &'static str,
    /// Its button.
    pub search_button: &'static str,
    /// The home page, in the breadcrumb.
    pub home: &'static str,
    /// The breadcrumb itself.
    pub breadcrumb: &'static str,
    /// The contents of a page.
    pub contents: &'static str,
    /// Before the date of the last change.
    pub updated: &'static str,
    /// The selector of languages.
    pub languages: &'static str,
    /// Heading of the department's contact block.
    pub contact: &'static str,
    /// Before a telephone number.
    pub telephone: &'static str,
    /// Before a mail address.
    pub mail: &'static str,
    /// Where something is.
    pub place: &'static str,
    /// When it is open.
    pub hours: &'static str,
    /// When it is closed.
    pub closed: &'static str,
    /// Where something is, as a postal address.
    pub address: &'static str,
    /// Who a procedure is for.
    pub who: &'static str,
    /// What to bring.
    pub documents: &'static str,
    /// What it costs.
    pub fee: &'static str,
    /// When an event takes place.
    pub dates: &'static str,
    /// The short answer to a question.
    pub answer: &'static str,
    /// Label of a remark.
    pub note: &'static str,
    /// Label of a warning.
    pub caution: &'static str,
    /// After a link to another site.
    pub elsewhere: &'static str,
    /// Link at the foot, back to the top.
    pub to_top: &'static str,
    /// Heading of the page that is not there.
    pub not_found: &'static str,
    /// What to do then.
    pub not_found_hint: &'static str,
}

impl Phrases {
    /// The words of a language.
    #[must_use]
    pub const fn of(language: Language) -> &'static Self {
        match language {
            Language::Ja => &JAPANESE,
            Language::En => &ENGLISH,
            Language::Zh => &CHINESE,
            Language::Ko => &KOREAN,
        }
    }
}

const JAPANESE: Phrases = Phrases {
    tag: "ja",
    name: "日本語",
    skip: "本文へ移動",
    city: "サンプル市",
    official: "公式ウェブサイト",
    menu: "メニュー",
    categories: "分野から探す",
    search: "サイト内検索",
    search_button: "検索",
    home: "ホーム",
    breadcrumb: "現在位置",
    contents: "目次",
    updated: "更新日",
    languages: "言語の選択",
    contact: "このページに関するお問い合わせ",
    telephone: "電話",
    mail: "メール",
    place: "場所",
    hours: "受付時間",
    closed: "休館日",
    address: "所在地",
    who: "対象",
    documents: "必要なもの",
    fee: "費用",
    dates: "開催日",
    answer: "回答",
    note: "お知らせ",
    caution: "ご注意ください",
    elsewhere: "(外部サイト)",
    to_top: "ページの先頭へ",
    not_found: "ページが見つかりません",
    not_found_hint: "ページが移動したか、公開が終わった可能性があります。検索または分野の一覧からお探しください。",
};

const ENGLISH: Phrases = Phrases {
    tag: "en",
    name: "English",
    skip: "Skip to content",
    city: "Sample City",
    official: "Official website",
    menu: "Menu",
    categories: "Topics",
    search: "Search this site",
    search_button: "Search",
    home: "Home",
    breadcrumb: "You are here",
    contents: "On this page",
    updated: "Updated",
    languages: "Languages",
    contact: "Contact",
    telephone: "Telephone",
    mail: "E-mail",
    place: "Place",
    hours: "Open",
    closed: "Closed",
    address: "Address",
    who: "Who can apply",
    documents: "What to bring",
    fee: "Fee",
    dates: "Date",
    answer: "Answer",
    note: "Note",
    caution: "Please note",
    elsewhere: " (external site)",
    to_top: "Back to top",
    not_found: "Page not found",
    not_found_hint: "The page may have moved or been removed. Please try the search or the list of topics.",
};

const CHINESE: Phrases = Phrases {
    tag: "zh-Hans",
    name: "中文",
    skip: "跳到正文",
    city: "样本市",
    official: "官方网站",
    menu: "菜单",
    categories: "按主题查找",
    search: "站内搜索",
    search_button: "搜索",
    home: "首页",
    breadcrumb: "当前位置",
    contents: "目录",
    updated: "更新日期",
    languages: "选择语言",
    contact: "联系方式",
    telephone: "电话",
    mail: "电子邮件",
    place: "地点",
    hours: "开放时间",
    closed: "休息日",
    address: "地址",
    who: "对象",
    documents: "所需物品",
    fee: "费用",
    dates: "举办日期",
    answer: "回答",
    note: "通知",
    caution: "注意事项",
    elsewhere: "(外部网站)",
    to_top: "返回顶部",
    not_found: "找不到页面",
    not_found_hint: "该页面可能已移动或已停止公开。请使用搜索或从主题列表中查找。",
};

const KOREAN: Phrases = Phrases {
    tag: "ko",
    name: "한국어",
    skip: "본문으로 이동",
    city: "샘플시",
    official: "공식 웹사이트",
    menu: "메뉴",
    categories: "분야별 찾기",
    search: "사이트 내 검색",
    search_button: "검색",
    home: "홈",
    breadcrumb: "현재 위치",
    contents: "목차",
    updated: "갱신일",
    languages: "언어 선택",
    contact: "문의처",
    telephone: "전화",
    mail: "이메일",
    place: "장소",
    hours: "이용 시간",
    closed: "휴관일",
    address: "주소",
    who: "대상",
    documents: "필요한 것",
    fee: "비용",
    dates: "개최일",
    answer: "답변",
    note: "알림",
    caution: "주의",
    elsewhere: "(외부 사이트)",
    to_top: "맨 위로",
    not_found: "페이지를 찾을 수 없습니다",
    not_found_hint: "페이지가 이동했거나 공개가 종료되었을 수 있습니다. 검색하거나 분야 목록에서 찾아 주십시오.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_its_own_name() {
        let names = Language::ALL.map(|language| Phrases::of(language).name);
        assert_eq!(names, ["日本語", "English", "中文", "한국어"]);
        for language in Language::ALL {
            assert_eq!(Phrases::of(language).tag, language.tag());
        }
    }
}
