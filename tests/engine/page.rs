//! The page of a real build: its steps with their times and reasons, and the size before and after.

use crate::harness::address;
use crate::site::{SERVER, Site};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Enough for the kernel's clock to tick, so that what was built from is certain.
const TICK: Duration = Duration::from_millis(120);
const DOCKERFILE: &str = "FROM python:3.12-slim
ARG WHERE
WORKDIR /$WHERE
COPY server.py /
RUN python3 -m py_compile /server.py
USER 1000
HEALTHCHECK CMD true
";

/// A project that gives an argument which nobody is to learn.
struct Shop {
    site: Site,
    secret: String,
}

impl Shop {
    fn new() -> Self {
        let site = Site::new();
        site.write("project/Dockerfile", DOCKERFILE);
        site.append_settings("[image.site.args]\nWHERE = { env = \"WHERE\" }\n");
        let secret = format!("secret{}", hex::encode(rand::random::<[u8; 6]>()));
        Self { site, secret }
    }

    fn environment(&self) -> [(&'static str, String); 3] {
        [("DOCKER_HOST", address().to_string()), ("LOADLINE_TEACH", "off".into()), ("WHERE", self.secret.clone())]
    }

    fn build(&self, more: &str) {
        self.site.write("project/server.py", &format!("# {}\n{SERVER}{more}", self.site.tag));
        std::thread::sleep(TICK);
        let ran = self.site.run(&["build"], &self.environment());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }

    fn page(&self) -> String {
        let output = self.site.command(&["verify", "--format", "html"], &self.environment()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Where the last build is recorded.
    fn record(&self) -> PathBuf {
        let projects = std::fs::read_dir(self.site.home().join(".local/state/loadline")).unwrap();
        projects.map(|one| one.unwrap().path().join("builds/site.json")).find(|path| path.exists()).unwrap()
    }
}

/// What the page says of the step of `text`.
fn step<'a>(page: &'a str, text: &str) -> &'a str {
    let place = page.find(&format!("<code>{text}</code>")).unwrap_or_else(|| panic!("{text} in {page}"));
    let rest = &page[place..];
    let said = &rest[rest.find("<div class=\"said\">").unwrap()..];
    &said[..said.find("</div>").unwrap()]
}

#[test]
fn the_page_has_the_steps_of_the_last_build_and_the_size_before() {
    let shop = Shop::new();
    shop.build("");
    let first = shop.page();
    assert!(step(&first, "COPY server.py /").contains("it is not known what the build before was made from"));
    assert!(first.contains("Not compared: no image before it is known"), "{first}");

    shop.build(&format!("# {}\n", "x".repeat(70_000)));
    let page = shop.page();
    let copied = step(&page, "COPY server.py /");
    assert!(copied.contains("ms: ran because <code>server.py</code> changed"), "{copied}");
    assert!(step(&page, "RUN python3 -m py_compile /server.py").ends_with("ran because line 4 is other than before"));
    assert!(step(&page, "WORKDIR /$WHERE").contains("from the cache"), "{page}");
    assert!(page.contains("3 instructions in ") && page.contains(", 1 of them from the cache."), "{page}");
    assert!(page.contains("+72 KB") || page.contains("+71 KB") || page.contains("+70 KB"), "{page}");

    let record = std::fs::read_to_string(shop.record()).unwrap();
    assert!(!record.contains(&shop.secret) && !page.contains(&shop.secret), "{record}");
    // As it was written before times were kept.
    let mut old: Value = serde_json::from_str(&record).unwrap();
    old.as_object_mut().unwrap().remove("timeline").unwrap();
    std::fs::write(shop.record(), old.to_string()).unwrap();
    let page = shop.page();
    assert!(page.contains("No timeline: the record of its last build is of before the times of steps were kept"));
    assert!(page.contains("Compared with"), "what else is recorded is still read");
    shop.site.remove_from(&address());
}
