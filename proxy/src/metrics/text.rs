//! The text format of Prometheus, version 0.0.4. Pure.

use std::fmt::Write;

use super::families::Family;

/// A page of figures while it is written.
#[derive(Debug, Default)]
pub struct Text {
    text: String,
    name: &'static str,
}

impl Text {
    /// Begins with a figure; its values follow.
    pub fn family(&mut self, family: &Family) {
        let Family {
            name, kind, help, ..
        } = family;
        self.name = name;
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// Adds a value. Labels' values are names of sites and words of ours, in which nothing has to be
    /// escaped.
    pub fn value(&mut self, labels: &[(&str, &str)], value: u64) {
        self.text.push_str(self.name);
        self.labels(labels);
        self.put(format_args!(" {value}\n"));
    }

    /// Adds a value in seconds, of so many microseconds.
    pub fn span(&mut self, labels: &[(&str, &str)], us: u64) {
        self.text.push_str(self.name);
        self.labels(labels);
        self.put(format_args!(" {}\n", seconds(us)));
    }

    /// Adds a histogram of one site: counts by span, each for itself, the last without an end.
    pub fn histogram(&mut self, site: &str, ends_us: &[u64], by_span: &[u64], sum_us: u64) {
        let name = self.name;
        let mut count = 0;
        let ends = ends_us.iter().map(|end| seconds(*end));
        for (end, more) in ends.chain(["+Inf".to_owned()]).zip(by_span) {
            count += more;
            self.put(format_args!(
                "{name}_bucket{{site=\"{site}\",le=\"{end}\"}} {count}\n"
            ));
        }
        let sum = seconds(sum_us);
        self.put(format_args!("{name}_sum{{site=\"{site}\"}} {sum}\n"));
        self.put(format_args!("{name}_count{{site=\"{site}\"}} {count}\n"));
    }

    /// The page.
    #[must_use]
    pub fn finished(self) -> String {
        self.text
    }

    fn labels(&mut self, labels: &[(&str, &str)]) {
        let mut before = '{';
        for (name, value) in labels {
            self.put(format_args!("{before}{name}=\"{value}\""));
            before = ',';
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
    }

    fn put(&mut self, arguments: std::fmt::Arguments<'_>) {
        let _memory_is_there = self.text.write_fmt(arguments);
    }
}

/// Microseconds as seconds, exactly.
fn seconds(us: u64) -> String {
    let fraction = format!("{:06}", us % 1_000_000);
    let fraction = fraction.trim_end_matches('0');
    let whole = us / 1_000_000;
    if fraction.is_empty() {
        whole.to_string()
    } else {
        format!("{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::families;
    use super::*;

    #[test]
    fn a_page_reads_as_the_format_says() {
        let mut text = Text::default();
        text.family(&families::HANDSHAKES);
        text.value(&[("result", "done")], 3);
        text.family(&families::CONNECTIONS);
        text.value(&[], 2);
        text.family(&families::SECONDS);
        text.histogram("town", &[1_000, 2_500_000], &[1, 0, 2], 6_000_500);
        let page = text.finished();
        let values: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                "yagura_handshakes_total{result=\"done\"} 3",
                "yagura_connections 2",
                "yagura_request_seconds_bucket{site=\"town\",le=\"0.001\"} 1",
                "yagura_request_seconds_bucket{site=\"town\",le=\"2.5\"} 1",
                "yagura_request_seconds_bucket{site=\"town\",le=\"+Inf\"} 3",
                "yagura_request_seconds_sum{site=\"town\"} 6.0005",
                "yagura_request_seconds_count{site=\"town\"} 3",
            ]
        );
        assert!(page.contains("# TYPE yagura_request_seconds histogram\n"));
    }
}
