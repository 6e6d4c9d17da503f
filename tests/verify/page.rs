//! The page for a browser: its numbers, and that no image can write on it.

use crate::images::*;
use loadline::blame::{Blame, Growth, blame};
use loadline::event::Failure;
use loadline::evidence::{Timed, Timeline};
use loadline::image::ImageFacts;
use loadline::image::archive::{Archive, Choice};
use loadline::image::dockerfile::{Dockerfile, origins};
use loadline::report::{Image as Shown, page};
use loadline::types::{Because, ByteSize};
use loadline::verify::format::{Report, Result as Checked};
use loadline::verify::{Policy, Source, check};
use serde_json::json;
use std::process::Command;

const BAD: &str = "<script>alert('1')</script>\u{1b}[2J\u{202e}\"x";
fn blamed(facts: &ImageFacts) -> Blame {
    blame(facts, &origins(&facts.config, Some(&Dockerfile::parse(DOCKERFILE)), None))
}

fn shown(name: &str, facts: &ImageFacts) -> Shown {
    let source = Source { file: "Dockerfile".into(), text: DOCKERFILE.into(), ..Source::default() };
    let policy = Policy { budget: Some(ByteSize(900_000)), dockerfile: Some(source), ..Policy::default() };
    let result = Checked::Verdict(Box::new(check(facts, &policy)));
    let report = Report { image: name.into(), result, engine_size: None, build: None };
    let (growth, timeline) = (Err("nothing is before it".into()), Err("it came `from` an archive".into()));
    Shown { report, blame: Some(blamed(facts)), growth, timeline }
}

/// Three lines with folders, of which a part is deleted.
fn ordinary() -> ImageFacts {
    let big = |path: &str, kilobytes: usize| file(path, 0o644, &path.repeat(1024 * kilobytes / path.len()));
    let base = [big("usr/lib/a", 300), big("usr/bin/b", 90), big("etc/c", 3)];
    let copied = [big("app/one/x", 500), big("app/two/y", 200), big("srv/z", 40), file("app/small", 0o644, "s")];
    let changed = [file("app/two/.wh.y", 0o644, ""), big("opt/new", 70), big("usr/bin/b", 91)];
    built_to_run(&base, &copied, &changed, json!({"Cmd": ["/usr/bin/b"]}))
}

/// The part of the page that is the view of this class.
fn view<'a>(page: &'a str, class: &str) -> &'a str {
    let start = page.find(&format!("<section class=\"view {class}\">")).expect(class);
    let rest = &page[start..];
    &rest[..rest.find("</section>").unwrap()]
}

/// All numbers between `before` and the next quote.
fn numbers(text: &str, before: &str) -> Vec<u64> {
    let after = text.split(before).skip(1);
    after.map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect()
}

/// Each view's boxes and rows add up to the size, and what is hidden in each to the same.
fn assert_sums(page: &str, blame: &Blame) {
    let hidden: u64 = blame.lines.iter().map(|line| line.hidden.0).sum();
    for class in ["by-line", "by-layer", "by-part"] {
        let view = view(page, class);
        let boxes = numbers(view, "data-bytes=\"");
        assert_eq!(boxes.iter().sum::<u64>(), blame.size.0, "{class}");
        let of = |kind: &str, place: usize| -> u64 {
            let start = format!("<tr class=\"{kind}\">");
            let rows = view.split(&start).skip(1);
            rows.map(|row| {
                numbers(row.split("</tr>").next().unwrap(), "<data value=\"").get(place).copied().unwrap_or(0)
            })
            .sum()
        };
        for kind in ["group-row", "part-row", "all-row"] {
            assert_eq!((of(kind, 0), of(kind, 1)), (blame.size.0, hidden), "{class} {kind}");
        }
        assert_eq!(view.matches("<tr class=\"part-row\">").count(), boxes.len(), "the table has what the map has");
    }
}

#[test]
fn every_view_adds_up_to_the_size() {
    let facts = ordinary();
    let page = page(&[shown("api", &facts)], 0);
    let blame = blamed(&facts);
    assert!(blame.lines.iter().any(|line| line.hidden.0 > 0));
    assert_sums(&page, &blame);
    assert!(page.contains(&format!("<data value=\"{}\" class=\"whole\">", facts.size().0)), "{page}");
    assert!(page.contains("line 2: COPY a /a") && page.contains("/app/one"), "{page}");
    // Its hatched part is as large as what is hidden of it.
    let two = page.split("<div class=\"box").find(|one| one.contains(">/app/two<")).unwrap();
    assert!(two.contains("<i style=\"height:100.0000%\">"), "{two}");
}

#[test]
fn a_hundred_thousand_files_make_a_small_page_that_adds_up() {
    let mut files = Vec::new();
    for number in 0..100_000 {
        let path = format!("d{}/e{}/f{}/{number}", number % 97, number % 1009, number % 7);
        files.push(file(&path, 0o644, if number % 500 == 0 { "x" } else { "" }));
    }
    let facts = built_to_run(&[file("a", 0o644, "a")], &files, &[file("b", 0o644, "b")], json!({}));
    let image = shown("many", &facts);
    let blame = image.blame.clone().unwrap();
    let page = page(&[image], 0);
    assert!(page.len() < 300_000, "{}", page.len());
    assert!(page.contains(" more</span>"), "what is small is folded");
    assert_sums(&page, &blame);
}

#[test]
fn what_an_image_names_at_length_is_cut() {
    let long = "x`".repeat(300_000);
    let run = json!({"User": long, "Env": [format!("{long}_TOKEN=abc")], "Entrypoint": [long],
        "Labels": {"io.loadline.base": "stand-in", "io.loadline.base.version": long}});
    let mut image = Image::new(run, &[layer(&[file("a", 0o644, "a")])]);
    image.history = json!([{"created_by": long}]);
    let facts = image.facts();
    let own = Shown { blame: Some(blame(&facts, &origins(&facts.config, None, None))), ..shown(&long, &facts) };
    let page = page(&[own], 0);
    assert!(page.len() < 60_000, "{}", page.len());
}

#[test]
fn an_image_cannot_write_on_the_page() {
    let run = json!({"User": BAD, "Env": [format!("{BAD}_TOKEN=abc")], "Entrypoint": [BAD],
        "Labels": {"io.loadline.base": "stand-in", "io.loadline.base.version": BAD}});
    let bad = |folder: &str| file(&format!("{folder}/{BAD}"), 0o4777, &"x".repeat(9000));
    let mut image = Image::new(run, &[layer(&[bad("a"), bad("usr/share/doc")]), layer(&[bad("b")])]);
    image.history = json!([{"created_by": BAD}, {"created_by": format!("RUN {BAD}")}]);
    let facts = image.facts();
    let step = Timed {
        text: BAD.into(),
        line: None,
        instruction: true,
        cached: false,
        from_ms: Some(u64::MAX),
        ms: u64::MAX,
        last_ms: None,
        because: vec![Because::Argument { name: BAD.into() }],
    };
    let timeline = Ok(Timeline { at: u64::MAX, ms: 1, steps: vec![step] });
    let blame = blame(&facts, &origins(&facts.config, None, None));
    let growth = Ok(Growth::between((&blamed(&ordinary()), &ordinary()), (&blame, &facts)));
    let error = Archive::read(BAD, &layer(&[])[..], None).unwrap().image(&Choice::default()).unwrap_err();
    let failed = Report {
        image: BAD.into(),
        result: Checked::Failure(Failure::new(Some(BAD), &error)),
        engine_size: None,
        build: None,
    };
    let none = || Err(BAD.to_owned());
    let images = [
        Shown { blame: Some(blame), growth, timeline, ..shown(BAD, &facts) },
        Shown { report: failed, blame: None, growth: none(), timeline: Err(BAD.into()) },
    ];
    let page = page(&images, 0);
    assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\\u{1b}[2J\\u{202e}&quot;x"), "{page}");
    assert!(!page.contains(|c: char| c.is_control() && c != '\n') && !page.contains('\u{202e}'));
    assert_only_our_markup(&page);
}

/// Every element is one that the page is made of, and none runs or loads anything.
fn assert_only_our_markup(page: &str) {
    let body = &page[page.find("</style>").unwrap()..];
    for element in body.split('<').skip(1) {
        let name: String = element.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let known = "style title head body html header h1 h2 h3 h4 p time nav ul li a main article div span section dl dt dd \
            data code fieldset legend label input i details summary table caption thead tbody tfoot tr th td ol b strong pre";
        assert!(known.split(' ').any(|one| one == name), "<{element}");
        let tag = element.split('>').next().unwrap();
        assert!(![" on", " src=", "http:", "https:", "url("].iter().any(|one| tag.contains(one)), "<{tag}>");
        assert!(!tag.contains("href=") || tag.contains("href=\"#image-"), "<{tag}>");
    }
}

#[test]
fn the_page_is_the_same_for_the_same_evidence_and_needs_no_other() {
    let facts = ordinary();
    let one = page(&[shown("api", &facts)], 1_700_000_000);
    assert_eq!(one, page(&[shown("api", &facts)], 1_700_000_000));
    assert!(
        one.contains("content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"")
    );
    let style = &one[one.find("<style>").unwrap()..one.find("</style>").unwrap()];
    assert!(!["url(", "@import", "http"].iter().any(|word| style.contains(word)));
    assert_only_our_markup(&one);
    assert!(one.contains("2023-11-14 22:13 UTC"), "{one}");
}

#[test]
fn an_image_of_no_bytes_has_a_page_as_well() {
    let facts = Image::new(json!({}), &[]).facts();
    let empty = Shown { blame: Some(blame(&facts, &[])), ..shown("empty", &facts) };
    let page = page(&[empty], 0);
    assert!(page.contains("The image has no bytes.") && !page.contains("NaN"), "{page}");
}

#[test]
fn the_command_makes_a_page_of_an_archive_without_an_engine() {
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("api.tar");
    let mut image = Image::new(json!({"User": "1000"}), &[layer(&[file("app/x", 0o644, &"x".repeat(50_000))])]);
    image.history = json!([{"created_by": "COPY app /app # buildkit"}]);
    std::fs::write(&archive, image.modern()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadline"));
    command.args(["verify", "--format", "html", "--budget", "40KB", "--archive"]).arg(&archive);
    let ran = command.env_clear().env("HOME", directory.path()).current_dir(directory.path()).output().unwrap();
    let page = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"), "{page}");
    assert!(page.contains("<code>size.budget</code>") && page.contains("COPY app /app"), "{page}");
    assert!(page.contains("No timeline: an archive does not say how it was built."), "{page}");
    assert!(page.contains("Not compared: no image before it is known; <code>--against</code> names one."), "{page}");
    assert_sums(&page, &blame(&image.facts(), &origins(&image.facts().config, None, None)));
}
