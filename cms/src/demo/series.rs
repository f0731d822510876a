//! Pages that a city publishes again and again: monthly issues, and the numbered notices, minutes
//! and results that make an archive of any size for load tests.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use time::Date;

use super::dates;
use super::plan::{PlannedPage, path_of};
use crate::domain::{KindFields, Language, PageKind};
use crate::error::CmsError;
use crate::store::pages::NewPage;

const AREAS: [&str; 10] = [
    "北町",
    "中央",
    "川西",
    "山手",
    "南台",
    "東原",
    "港町",
    "桜ヶ丘",
    "緑町",
    "旭町",
];
const MEMBERS: [&str; 8] = [
    "石田", "大野", "加藤", "木村", "白井", "西川", "松本", "吉岡",
];
const ISSUES: [&str; 8] = [
    "通学路の安全対策",
    "避難所の備蓄",
    "保育士の確保",
    "空き家の活用",
    "路線バスの維持",
    "ごみの減量",
    "高齢者の移動手段",
    "学校給食の食材",
];
const WORKS: [(&str, &str); 6] = [
    ("市道舗装補修工事", "舗装"),
    ("公園遊具更新工事", "土木"),
    ("小学校照明改修工事", "電気"),
    ("配水管布設替工事", "水道"),
    ("公民館屋根防水工事", "建築"),
    ("側溝改修工事", "土木"),
];
const TOPICS: [&str; 6] = [
    "都市計画",
    "環境",
    "子ども・子育て",
    "男女共同参画",
    "文化財保護",
    "公共交通",
];

/// What one page of a series says.
struct Issue {
    category: &'static str,
    department: &'static str,
    name: String,
    title: String,
    summary: String,
    text: String,
    day: Date,
}

/// Issue `number` of the monthly papers, the newest first: 広報 and figures of the population in turn.
pub(super) fn monthly(number: usize, today: Date) -> Result<PlannedPage, CmsError> {
    let months = i64::try_from(number / 2).unwrap_or(0);
    let day = dates::months_before(today, months);
    let (era, month) = (dates::era(day.year()), u8::from(day.month()));
    let stamp = format!("{}-{month:02}", day.year());
    let issue = if number.is_multiple_of(2) {
        let pick = |list: &[&'static str], step: i64| {
            list.iter()
                .cycle()
                .nth(usize::try_from(months + step).unwrap_or(0))
                .copied()
                .unwrap_or("")
        };
        let (area, issue) = (pick(&AREAS, 0), pick(&ISSUES, 3));
        Issue {
            category: "shisei",
            department: "hisho",
            name: format!("koho-{stamp}"),
            title: format!("広報サンプル {era}{month}月号"),
            summary: format!(
                "{month}月号の特集は「{issue}」です。{area}地区の話題と、相談や健診の日程も載せています。"
            ),
            text: format!(
                "広報サンプル{month}月号を発行しました。自治会を通じて各家庭にお配りしているほか、市役所、公民館、\
                 図書館、駅の窓口でも受け取れます。\n## 今月の内容\n表: 広報サンプル{month}月号の目次\n| ページ | 内容 |\n\
                 | 2から5 | 特集「{issue}」 |\n| 6から7 | まちの話題（{area}地区） |\n| 8から11 | お知らせ（くらし、健康、子育て） |\n\
                 | 12から13 | 催しと講座の案内 |\n| 14から15 | 相談窓口、休日の当番医、健診の日程 |\n| 16 | 市民の広場、編集後記 |\n\
                 ## 声の広報と点字の広報\n目の不自由な方には、声の広報（CD）と点字の広報をお届けしています。希望する方は秘書広報課に連絡してください。\n\
                 ! 次の号は翌月1日に発行します。原稿の締め切りは前の月の5日です。"
            ),
            day,
        }
    } else {
        let count = 84_312 - 23 * months;
        let (male, homes) = (count * 486 / 1000, 36_904 + 7 * months);
        Issue {
            category: "shisei",
            department: "shimin",
            name: format!("jinko-{stamp}"),
            title: format!("人口と世帯数（{era}{month}月1日現在）"),
            summary: format!(
                "{month}月1日現在の人口は{}人、世帯数は{}世帯です。",
                grouped(count),
                grouped(homes)
            ),
            text: format!(
                "住民基本台帳に登録されている人口と世帯数です。外国人の住民を含みます。\n## 市全体の数\n\
                 表: 人口と世帯数（{era}{month}月1日現在）\n| 区分 | 数 |\n| 人口 | {}人 |\n| 男性 | {}人 |\n\
                 | 女性 | {}人 |\n| 世帯数 | {}世帯 |\n## 数字の使い方\n出典を「サンプル市住民基本台帳人口」と書けば、\
                 許可なく使えます。町丁別や年齢別の数が必要な方は、市民課へお問い合わせください。",
                grouped(count),
                grouped(male),
                grouped(count - male),
                grouped(homes)
            ),
            day: dates::after(day, 3),
        }
    };
    // The first days of this month may still lie ahead.
    let mut random = ChaCha8Rng::seed_from_u64(u64::try_from(number).unwrap_or(0));
    planned(
        Issue {
            day: issue.day.min(dates::after(today, -1)),
            ..issue
        },
        &mut random,
    )
}

/// Page `number` of the archive, the newest first.
pub(super) fn page(number: usize, seed: u64, today: Date) -> Result<PlannedPage, CmsError> {
    let number = i64::try_from(number).unwrap_or(0);
    let mut random =
        ChaCha8Rng::seed_from_u64(seed.wrapping_add(u64::try_from(number).unwrap_or(0)));
    // Eight notices in six days or so, back through the years.
    let day = dates::after(today, -2 - number * 3 / 4 % 9_000);
    let serial = 200_000 - number / 6;
    let issue = match number % 6 {
        0 => notice(serial, day, &mut random),
        1 => tender(serial, day, &mut random),
        2 => minutes(serial, day, &mut random),
        3 => council_paper(serial, day, &mut random),
        4 => closing(serial, day, &mut random),
        _ => committee(serial, day, &mut random),
    };
    planned(issue, &mut random)
}

fn planned(issue: Issue, random: &mut ChaCha8Rng) -> Result<PlannedPage, CmsError> {
    let page = NewPage {
        kind: PageKind::Article,
        path: path_of(Language::Ja, issue.category, &issue.name)?,
        category: issue.category.to_owned(),
        department: issue.department.to_owned(),
        language: Language::Ja,
        translation_of: None,
        urgent: false,
    };
    Ok(PlannedPage {
        page,
        original: None,
        title: issue.title,
        summary: issue.summary,
        fields: KindFields::Article,
        text: issue.text,
        related: Vec::new(),
        picture: None,
        file: None,
        published: dates::in_office_hours(issue.day, random),
        author: "秘書広報課",
    })
}

/// A number of five digits or so, with a comma.
fn grouped(number: i64) -> String {
    format!("{},{:03}", number / 1000, number % 1000)
}

fn any<T: Copy + Default>(items: &[T], random: &mut ChaCha8Rng) -> T {
    items.choose(random).copied().unwrap_or_default()
}

fn notice(serial: i64, day: Date, random: &mut ChaCha8Rng) -> Issue {
    let (area, lot) = (any(&AREAS, random), random.random_range(100..990));
    let told = dates::long(day);
    Issue {
        category: "shisei",
        department: "kensetsu",
        name: format!("kokuji-{serial}"),
        title: format!("告示第{serial}号 {area}地内の道路の区域変更について"),
        summary: format!("{area}{lot}番地先の市道について、道路の区域を変更します。"),
        text: format!(
            "{told}、道路法第18条第1項の規定により、次のとおり道路の区域を変更します。\n表: 変更する区域\n| 項目 | 内容 |\n\
             | 路線名 | 市道{area}{}号線 |\n| 区間 | {area}{lot}番地先から{}番地先まで |\n| 幅員 | {}.0メートル |\n\
             ## 図面の縦覧\n関係する図面は、告示の日から2週間、建設課の窓口で見ることができます。",
            random.random_range(1..80),
            lot + random.random_range(4..60),
            random.random_range(4..12),
        ),
        day,
    }
}

fn tender(serial: i64, day: Date, random: &mut ChaCha8Rng) -> Issue {
    let (area, (work, kind)) = (any(&AREAS, random), any(&WORKS, random));
    let price = random.random_range(420..9_800);
    Issue {
        category: "shigoto",
        department: "kensetsu",
        name: format!("nyusatsu-{serial}"),
        title: format!("入札結果 第{serial}号 {area}地区{work}"),
        summary: format!(
            "{}に行った{area}地区{work}の入札の結果をお知らせします。",
            dates::long(day)
        ),
        text: format!(
            "条件付一般競争入札の結果は次のとおりです。\n表: 入札の結果（第{serial}号）\n| 項目 | 内容 |\n| 工事名 | {area}地区{work} |\n\
             | 業種 | {kind} |\n| 予定価格（税抜き） | {}万円 |\n| 落札金額（税抜き） | {price}万円 |\n| 参加した業者 | {}者 |\n\
             ## 問い合わせ\n入札の参加資格は[入札に参加するには](nyusatsu-sanka)をご覧ください。",
            price * 109 / 100,
            random.random_range(2..9),
        ),
        day,
    }
}

fn minutes(serial: i64, day: Date, random: &mut ChaCha8Rng) -> Issue {
    let (member, issue) = (any(&MEMBERS, random), any(&ISSUES, random));
    let (other, second) = (any(&MEMBERS, random), any(&ISSUES, random));
    Issue {
        category: "shisei",
        department: "hisho",
        name: format!("kaigiroku-{serial}"),
        title: format!("市議会会議録 第{serial}号（{}）", dates::long(day)),
        summary: format!("一般質問では{issue}などが取り上げられました。"),
        text: format!(
            "本会議の会議録の概要です。発言の全文は議会図書室で読むことができます。\n## 一般質問\n### {member}議員\n\
             {issue}について、現状と今後の進め方を質問しました。市長は、地域の声を聞きながら来年度の予算に反映させると答えました。\n\
             ### {other}議員の関連質問\n{second}について、近隣の市との連携を求めました。担当部長は、年度内に協議の場を設けると答えました。\n\
             ## 議決の結果\n提出された議案{}件は、いずれも原案のとおり可決されました。",
            random.random_range(3..19),
        ),
        day,
    }
}

fn council_paper(serial: i64, day: Date, random: &mut ChaCha8Rng) -> Issue {
    let (issue, area) = (any(&ISSUES, random), any(&AREAS, random));
    Issue {
        category: "shisei",
        department: "hisho",
        name: format!("gikai-dayori-{serial}"),
        title: format!("議会だより 第{serial}号"),
        summary: format!("委員会の{area}地区の視察と、{issue}をめぐる議論をお伝えします。"),
        text: format!(
            "{}に発行した議会だより第{serial}号の内容です。\n## 主な記事\n- 定例会の議案と賛否の一覧\n- {issue}をめぐる一般質問の要旨\n\
             - {area}地区の現地視察の報告\n- 傍聴した市民の感想\n## 次の定例会\n日程は[市議会のしくみ](shigikai)のページでお知らせします。",
            dates::long(day)
        ),
        day,
    }
}

fn closing(serial: i64, day: Date, random: &mut ChaCha8Rng) -> Issue {
    let (area, (work, _)) = (any(&AREAS, random), any(&WORKS, random));
    let days = random.random_range(3..40);
    Issue {
        category: "kurashi",
        department: "kensetsu",
        name: format!("tsukodome-{serial}"),
        title: format!("{area}地区の通行止めのお知らせ（第{serial}号）"),
        summary: format!("{work}のため、{area}地区の市道の一部を{days}日間通行止めにします。"),
        text: format!(
            "{work}を行うため、次のとおり車の通行を止めます。歩行者は係員の案内で通ることができます。\n表: 通行止めの期間と区間\n\
             | 項目 | 内容 |\n| 期間 | {}から{}まで |\n| 時間 | 9時から17時まで |\n| 区間 | {area}公民館の前から約{}メートル |\n\
             !! 雨の日は作業を延期し、期間が延びることがあります。",
            dates::long(day),
            dates::month_and_day(dates::after(day, days)),
            random.random_range(8..60) * 10,
        ),
        day,
    }
}

fn committee(serial: i64, day: Date, random: &mut ChaCha8Rng) -> Issue {
    let (topic, issue) = (any(&TOPICS, random), any(&ISSUES, random));
    Issue {
        category: "shisei",
        department: "hisho",
        name: format!("shingikai-{serial}"),
        title: format!("{topic}審議会 会議の結果（第{serial}号）"),
        summary: format!(
            "{}に開いた{topic}審議会の議題と主な意見をお知らせします。",
            dates::long(day)
        ),
        text: format!(
            "会議は公開で行い、{}人が傍聴しました。\n## 議題\n+ 前回の会議録の確認\n+ {topic}計画の進み具合\n+ {issue}との関わり\n\
             ## 主な意見\n- 数字だけでなく、市民がどう感じているかも調べてほしい。\n- {issue}は、部署をこえて取り組むべきだ。\n\
             - 資料はもう少し早く送ってほしい。",
            random.random_range(0..14),
        ),
        day,
    }
}
