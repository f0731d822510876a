//! A drill as evidence: JSON for programs, HTML for people, both kept for ever.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::{Drill, DrillSummary};
use crate::backup::error::BackupError;
use crate::backup::status::replace;

/// Writes both files, named by the instant.
pub(super) fn write(folder: &Path, drill: &Drill) -> Result<DrillSummary, BackupError> {
    fs::create_dir_all(folder).map_err(BackupError::at(folder))?;
    let name = drill.at.rfc3339().replace(':', "");
    let json = serde_json::to_vec_pretty(drill).unwrap_or_default();
    replace(&folder.join(format!("{name}.json")), &json)?;
    let report = folder.join(format!("{name}.html"));
    replace(&report, html(drill).as_bytes())?;
    let failed = drill.steps.iter().find(|step| !step.passed);
    let failure =
        failed.map(|step| format!("{}: {}", step.what, step.seen.last().map_or("", |it| it)));
    Ok(DrillSummary {
        at: drill.at,
        target: drill.target.clone(),
        passed: drill.passed,
        recovery_ms: drill.recovery_ms,
        failure,
        report,
    })
}

fn html(drill: &Drill) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"ja\">\n<meta charset=\"utf-8\">\n<title>復元訓練の記録</title>\n<style>\n\
         body { font-family: sans-serif; max-width: 60rem; margin: 2rem auto; line-height: 1.6; }\n\
         table { border-collapse: collapse; width: 100%; }\n\
         th, td { border: 1px solid #767676; padding: 0.4rem; text-align: left; vertical-align: top; }\n\
         pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font-size: 0.85rem; }\n</style>\n",
    );
    let result = if drill.passed { "合格" } else { "不合格" };
    let as_of = drill
        .restored_as_of
        .map_or_else(|| "—".to_owned(), |at| at.rfc3339());
    let _never_fails = write!(
        page,
        "<h1>復元訓練の記録: {result}</h1>\n<p>バックアップから実際に復元し、記録と照合した結果です。</p>\n<table>\n\
         <tr><th scope=\"row\">実施日時</th><td>{}</td></tr>\n\
         <tr><th scope=\"row\">復元元</th><td>{}</td></tr>\n\
         <tr><th scope=\"row\">復元した時点</th><td>{as_of}</td></tr>\n\
         <tr><th scope=\"row\">復旧に要した時間</th><td>{}.{:03} 秒</td></tr>\n</table>\n\
         <h2>手順と結果</h2>\n<table>\n\
         <tr><th scope=\"col\">手順</th><th scope=\"col\">結果</th><th scope=\"col\">時間</th>\
         <th scope=\"col\">確認したこと</th></tr>\n",
        escaped(&drill.at.rfc3339()),
        escaped(&drill.target),
        drill.recovery_ms / 1_000,
        drill.recovery_ms % 1_000,
    );
    for step in &drill.steps {
        let result = if step.passed { "合格" } else { "不合格" };
        let _never_fails = writeln!(
            page,
            "<tr><td>{}</td><td>{result}</td><td>{} ms</td><td><pre>{}</pre></td></tr>",
            escaped(&step.what),
            step.took_ms,
            escaped(&step.seen.join("\n")),
        );
    }
    page.push_str("</table>\n</html>\n");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::drill::Step;
    use yagura_control::Timestamp;

    #[test]
    fn a_failed_step_is_a_failed_drill_and_says_why() {
        let place = tempfile::tempdir().unwrap();
        let step = Step {
            what: "restore <it>".to_owned(),
            passed: false,
            took_ms: 12,
            seen: vec!["table pages has 1 rows, recorded were 2".to_owned()],
        };
        let drill = Drill {
            at: Timestamp(1_795_410_187_000),
            target: "far".to_owned(),
            passed: false,
            recovery_ms: 1_234,
            restored_as_of: None,
            steps: vec![step],
        };
        let summary = write(place.path(), &drill).unwrap();
        assert!(summary.failure.unwrap().ends_with("recorded were 2"));
        let page = fs::read_to_string(&summary.report).unwrap();
        assert!(
            page.contains("不合格")
                && page.contains("restore &lt;it&gt;")
                && page.contains("1.234 秒")
        );
        let json = fs::read(summary.report.with_extension("json")).unwrap();
        assert_eq!(serde_json::from_slice::<Drill>(&json).unwrap(), drill);
    }
}
