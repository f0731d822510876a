//! The city's categories and departments.

use crate::domain::{Category, Department};

const CATEGORIES: [(&str, &str, &str); 8] = [
    (
        "kurashi",
        "くらし・手続き",
        "引っ越し、戸籍、証明書、税金、保険と年金など、毎日の暮らしの手続きをご案内します。",
    ),
    (
        "kosodate",
        "子育て・教育",
        "妊娠と出産、保育所、幼稚園、学校、放課後の居場所、子育ての相談についてご案内します。",
    ),
    (
        "kenko",
        "健康・福祉",
        "健診、予防接種、介護、障害のある方への支援、休日の診療についてご案内します。",
    ),
    (
        "bosai",
        "防災・安全",
        "災害への備え、避難所、防災情報の受け取り方、交通安全と防犯についてご案内します。",
    ),
    (
        "gomi",
        "ごみ・環境",
        "ごみの分け方と収集日、粗大ごみ、リサイクル、省エネルギーの補助についてご案内します。",
    ),
    (
        "shigoto",
        "しごと・産業",
        "事業者への支援、入札、農業、商店街、市内での就職についてご案内します。",
    ),
    (
        "kanko",
        "観光・文化・スポーツ",
        "見どころ、祭り、図書館、文化会館、スポーツ施設と催しについてご案内します。",
    ),
    (
        "shisei",
        "市政情報",
        "市長と議会、計画と予算、統計、広報、職員の募集など、市政の動きをお知らせします。",
    ),
];

/// Slug, name, last digits of the telephone, place, closing time when it is late on one day.
const DEPARTMENTS: [(&str, &str, &str, &str, bool); 12] = [
    ("shimin", "市民課", "1101", "本庁舎1階", true),
    ("zeimu", "税務課", "1120", "本庁舎1階", true),
    ("hoken", "保険年金課", "1140", "本庁舎1階", true),
    ("kodomo", "こども課", "1160", "本庁舎2階", false),
    ("fukushi", "福祉課", "1180", "本庁舎2階", false),
    ("kenko", "健康づくり課", "2100", "保健センター1階", false),
    ("bosai", "危機管理課", "1210", "本庁舎3階", false),
    ("kankyo", "環境課", "1230", "本庁舎3階", false),
    ("sangyo", "産業観光課", "1250", "本庁舎4階", false),
    ("kensetsu", "建設課", "1270", "本庁舎4階", false),
    (
        "kyoiku",
        "教育委員会 生涯学習課",
        "3100",
        "教育会館2階",
        false,
    ),
    ("hisho", "秘書広報課", "1300", "本庁舎5階", false),
];

/// Every category, in order.
pub(super) fn categories() -> Vec<Category> {
    let category = |(position, (slug, name, description)): (i64, (&str, &str, &str))| Category {
        slug: slug.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        position,
    };
    (1..).zip(CATEGORIES).map(category).collect()
}

/// Every department, in order.
pub(super) fn departments() -> Vec<Department> {
    let department =
        |(position, (slug, name, digits, place, late)): (i64, (&str, &str, &str, &str, bool))| {
            let office = "月曜日から金曜日 8時30分から17時15分（祝日・年末年始を除く）";
            let hours = if late {
                format!("{office}。木曜日は19時まで")
            } else {
                office.to_owned()
            };
            Department {
                slug: slug.to_owned(),
                name: name.to_owned(),
                telephone: format!("000-000-{digits}"),
                mail: format!("{slug}@city.sample.example"),
                place: place.to_owned(),
                hours,
                position,
            }
        };
    (1..).zip(DEPARTMENTS).map(department).collect()
}
