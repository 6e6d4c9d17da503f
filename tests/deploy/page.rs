//! The page of `verify --format html` in a real browser, as a CI job's artefact is opened: from a file.

use crate::browser::Driver;
use crate::images::{Image, file, layer};
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, Locator};
use loadline::blame::{Growth, blame};
use loadline::evidence::{Timed, Timeline};
use loadline::image::ImageFacts;
use loadline::image::dockerfile::{Dockerfile, origins};
use loadline::report::{self, page};
use loadline::types::{Because, ByteSize};
use loadline::verify::format::{Report, Result as Checked};
use loadline::verify::{Policy, Source, check};
use serde_json::{Value, json};

const DOCKERFILE: &str = "FROM base\nCOPY a /a\nRUN change\nRUN more\n";
const VIEWS: [&str; 3] = ["by-line", "by-layer", "by-part"];

/// A command of chromedriver's own.
#[derive(Debug)]
struct Own(&'static str, Value);

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.1.to_string()))
    }
}

async fn devtools(page: &Client, command: &str, parameters: Value) -> Result<(), CmdError> {
    page.issue_cmd(Own("goog/cdp/execute", json!({"cmd": command, "params": parameters}))).await.map(drop)
}

async fn log(page: &Client, kind: &str) -> Result<Vec<Value>, CmdError> {
    Ok(page.issue_cmd(Own("se/log", json!({"type": kind}))).await?.as_array().cloned().unwrap_or_default())
}

async fn screen(page: &Client, width: u32, scheme: &str) -> Result<(), CmdError> {
    let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
    devtools(page, "Emulation.setDeviceMetricsOverride", metrics).await?;
    let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
    devtools(page, "Emulation.setEmulatedMedia", features).await
}

fn facts() -> ImageFacts {
    let big = |path: &str, kilobytes: usize| file(path, 0o644, &"x".repeat(1024 * kilobytes));
    let base: Vec<_> = (1..40).map(|number| big(&format!("usr/lib{number}/a"), 900 / number)).collect();
    let copied = [
        big("app/one/<script>alert(1)", 500),
        big("app/two/y", 300),
        big(&format!("{}z", "long-name/".repeat(30)), 90),
    ];
    let changed = [file("app/two/.wh.y", 0o644, ""), big("usr/lib3/a", 280), big("opt/new", 70)];
    let more: Vec<_> = (0..400).map(|number| big(&format!("srv/{number}/z"), 1)).collect();
    let layers = [layer(&base), layer(&copied), layer(&changed), layer(&more)];
    let mut image = Image::new(json!({"Cmd": ["/none"]}), &layers);
    let made = ["/bin/sh -c #(nop) ADD file:1 in / ", "COPY a /a # buildkit", "RUN change", "RUN /bin/sh -c more"];
    image.history = made.map(|by| json!({"created_by": by})).into();
    image.facts()
}

/// An image with all that a page can say of one.
fn whole(facts: &ImageFacts) -> report::Image {
    let source = Source { file: "Dockerfile".into(), text: DOCKERFILE.into(), ..Source::default() };
    let policy = Policy { budget: Some(ByteSize(3_000_000)), dockerfile: Some(source), ..Policy::default() };
    let result = Checked::Verdict(Box::new(check(facts, &policy)));
    let blame = blame(facts, &origins(&facts.config, Some(&Dockerfile::parse(DOCKERFILE)), None));
    let growth = Growth::between((&blame, facts), (&blame, facts));
    let step = |number: u32| Timed {
        text: format!("RUN number {number} {}", "and a very-long-word".repeat(10)),
        line: Some(number),
        instruction: true,
        cached: number.is_multiple_of(2),
        from_ms: Some(u64::from(number) * 100),
        ms: u64::from(number % 3) * 900,
        last_ms: Some(1234),
        because: vec![Because::Asked],
    };
    let timeline = Timeline { at: 1_700_000_000, ms: 9000, steps: (1..9).map(step).collect() };
    let report = Report { image: "shop/api:1".into(), result, engine_size: None, build: None };
    report::Image { report, blame: Some(blame), growth: Ok(growth), timeline: Ok(timeline) }
}

/// For each view that is to be seen: its class, its map's size, its boxes with what they stand for, and
/// how many rows its table has.
const SEEN: &str = "
    return [...document.querySelectorAll('.view')].filter(view => view.offsetParent !== null).map(view => {
        const map = view.querySelector('.map').getBoundingClientRect();
        const boxes = [...view.querySelectorAll('.box')].map(box => {
            const at = box.getBoundingClientRect();
            return [at.x - map.x, at.y - map.y, at.width, at.height, Number(box.dataset.bytes)];
        });
        return {class: view.classList[1], width: map.width, height: map.height, boxes,
            rows: view.querySelectorAll('.part-row').length};
    });";

/// The texts with less contrast to what is behind them than WCAG 2.2 wants (1.4.3), and which.
const PALE: &str = "
    const parse = text => { const parts = text.match(/[\\d.]+/g).map(Number); return [...parts.slice(0, 3), parts[3] ?? 1]; };
    const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
    const light = colour => { const [r, g, b] = colour.slice(0, 3).map(c => c / 255)
        .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
    const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
    const behind = element => {
        const stack = [];
        for (let one = element; one; one = one.parentElement) stack.push(parse(getComputedStyle(one).backgroundColor));
        return stack.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
    };
    const hatch = parse(getComputedStyle(document.documentElement).getPropertyValue('--hatch').replace('%', ''));
    hatch[3] /= 100;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const pale = [];
    let seen = 0;
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
        seen += 1;
        const style = getComputedStyle(element), grounds = [behind(element)];
        if (element.closest('.box')?.querySelector('i')) grounds.push(over(hatch, grounds[0]));
        const worst = Math.min(...grounds.map(ground => ratio(parse(style.color), ground)));
        if (!(worst >= 4.5)) pale.push([worst, element.className, walker.currentNode.data]);
    }
    return {pale, seen};";

/// Every box is inside its map, as large as its share, and upon no other.
fn assert_laid_out(view: &Value, size: ByteSize) {
    let number = |value: &Value| value.as_f64().unwrap();
    let (width, height) = (number(&view["width"]), number(&view["height"]));
    let boxes: Vec<[f64; 5]> = serde_json::from_value(view["boxes"].clone()).unwrap();
    assert_eq!(view["rows"], boxes.len(), "{}", view["class"]);
    assert!((boxes.iter().map(|one| one[4]).sum::<f64>() - size.0 as f64).abs() < 0.5);
    for [x, y, wide, high, bytes] in &boxes {
        assert!(*x > -0.5 && *y > -0.5 && x + wide < width + 0.5 && y + high < height + 0.5, "{view}");
        // Browsers lay out in parts of a pixel.
        let wanted = bytes / size.0 as f64 * width * height;
        assert!((wide * high - wanted).abs() < (wide + high) * 0.1, "{bytes} bytes are {wide}×{high}, not {wanted}");
    }
    for (place, one) in boxes.iter().enumerate() {
        for other in &boxes[place + 1..] {
            let wide = (one[0] + one[2]).min(other[0] + other[2]) - one[0].max(other[0]);
            let high = (one[1] + one[3]).min(other[1] + other[3]) - one[1].max(other[1]);
            assert!(wide < 0.1 || high < 0.1, "{one:?} and {other:?}");
        }
    }
}

async fn run(page: &Client, script: &str) -> Result<Value, CmdError> {
    page.execute(script, vec![]).await
}

#[tokio::test]
async fn the_page_of_an_image_in_a_browser() {
    let facts = facts();
    let size = facts.size();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("page.html");
    std::fs::write(&path, page(&[whole(&facts), whole(&facts)], 1_700_000_000)).unwrap();
    let address = url::Url::from_file_path(&path).unwrap();
    Driver::start()
        .await
        .browse(async move |page: Client| {
            page.goto(address.as_str()).await?;
            for width in [1440, 800, 390] {
                for scheme in ["light", "dark"] {
                    screen(&page, width, scheme).await?;
                    run(&page, "document.querySelectorAll('details').forEach(one => { one.open = true; })").await?;
                    for view in VIEWS {
                        page.find(Locator::Css(&format!("#image-2 input.{view}"))).await?.click().await?;
                        let seen = run(&page, SEEN).await?;
                        let seen = seen.as_array().unwrap();
                        assert_eq!(seen.len(), 2, "one view of each image");
                        assert_eq!(seen[1]["class"], view);
                        seen.iter().for_each(|one| assert_laid_out(one, size));
                    }
                    let found = run(&page, PALE).await?;
                    assert_eq!(found["pale"], json!([]), "{width} {scheme}");
                    assert!(found["seen"].as_u64().unwrap() > 200, "{found}");
                    let wide = run(&page, "return document.documentElement.scrollWidth").await?;
                    assert!(wide.as_u64().unwrap() <= u64::from(width), "{wide} at {width}");
                }
            }
            // By the keyboard alone.
            let first = page.find(Locator::Css("#image-1 input.by-line")).await?;
            first.send_keys("\u{e014}").await?;
            assert_eq!(run(&page, SEEN).await?[0]["class"], "by-layer");
            assert_eq!(log(&page, "browser").await?, [] as [Value; 0]);
            let asked = log(&page, "performance").await?;
            let asked = asked.iter().filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok());
            let asked = asked.filter(|one| one["message"]["method"] == "Network.requestWillBeSent");
            let asked: Vec<Value> = asked.map(|one| one["message"]["params"]["request"]["url"].clone()).collect();
            assert_eq!(asked, [address.as_str()], "the page itself, and nothing else");
            Ok(())
        })
        .await;
}
