//! The todo application as a person sees it: a real browser, through WebDriver, at the node's address.

use crate::application::visit;
use crate::harness::{salt, variable};
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use futures_util::FutureExt;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(20);

/// chromedriver, for as long as this is held.
pub struct Driver {
    process: Child,
    client: Client,
}

impl Driver {
    pub async fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(variable("LOADLINE_TEST_CHROMEDRIVER", "chromedriver"))
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"];
        let logs = json!({"browser": "ALL", "performance": "ALL"});
        let capabilities = json!({"goog:chromeOptions": {"args": words}, "goog:loggingPrefs": logs});
        let capabilities = capabilities.as_object().unwrap().clone();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let address = format!("http://127.0.0.1:{port}");
        let mut last = None;
        for _ in 0..100 {
            match builder.connect(&address).await {
                Ok(client) => return Self { process, client },
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no browser: {last:?}");
    }

    /// Does `visit`; if it fails, what is to be seen is kept.
    pub async fn browse<F: Future<Output = Result<(), CmdError>>>(mut self, visit: impl FnOnce(Client) -> F) {
        // A test that fails must not leave its browser behind.
        let result = AssertUnwindSafe(visit(self.client.clone())).catch_unwind().await;
        let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser.png");
        if !matches!(result, Ok(Ok(()))) {
            std::fs::write(&picture, self.client.screenshot().await.unwrap_or_default()).unwrap();
        }
        self.client.close().await.ok();
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let result = match result {
            Ok(result) => result,
            Err(panic) => resume_unwind(panic),
        };
        assert!(result.is_ok(), "{result:?}; what was to be seen is in {}", picture.display());
    }
}

/// The input with this label or this name, filled.
async fn fill(page: &Client, selector: &str, text: &str) -> Result<(), CmdError> {
    let input = page.wait().at_most(WAIT).for_element(Locator::Css(selector)).await?;
    // React hears what is typed, and not what is cleared.
    let length = input.prop("value").await?.unwrap_or_default().chars().count();
    input.send_keys(&"\u{e003}".repeat(length)).await?;
    input.send_keys(&"\u{e010}\u{e003}".repeat(length)).await?;
    input.send_keys(text).await
}

async fn click(page: &Client, path: &str) -> Result<(), CmdError> {
    page.wait().at_most(WAIT).for_element(Locator::XPath(path)).await?.click().await
}

async fn see(page: &Client, path: &str) -> Result<(), CmdError> {
    page.wait().at_most(WAIT).for_element(Locator::XPath(path)).await.map(drop)
}

fn task(title: &str) -> String {
    format!("//ul[@aria-label='Task list']//span[@class='title'][.='{title}']")
}

async fn gone(page: &Client, path: &str) -> Result<(), CmdError> {
    let begun = std::time::Instant::now();
    while !page.find_all(Locator::XPath(path)).await?.is_empty() {
        if begun.elapsed() > WAIT {
            return Err(CmdError::WaitTimeout);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[tokio::test]
async fn t053_the_application_works_in_a_browser() {
    let (app, _visit) = visit().await;
    let address = app.address();
    let email = format!("ada-{}@example.com", salt());
    Driver::start()
        .await
        .browse(async move |page: Client| {
            page.goto(&address).await?;
            click(&page, "//button[.='I am new here']").await?;
            fill(&page, "input[name=name]", "Ada").await?;
            fill(&page, "input[name=email]", &email).await?;
            fill(&page, "input[name=password]", "browser-p4ssword").await?;
            click(&page, "//button[.='Sign up']").await?;
            see(&page, "//header//strong[.='Ada']").await?;
            // Out, and in again.
            click(&page, "//button[.='Sign out']").await?;
            fill(&page, "input[name=email]", &email).await?;
            fill(&page, "input[name=password]", "browser-p4ssword").await?;
            click(&page, "//button[.='Sign in']").await?;

            fill(&page, "input[aria-label='New task']", "Buy milk").await?;
            click(&page, "//button[.='Add']").await?;
            see(&page, &task("Buy milk")).await?;
            click(&page, "//button[@aria-label='Edit Buy milk']").await?;
            fill(&page, "input[aria-label='Title']", "Buy oat milk").await?;
            click(&page, "//button[.='Save']").await?;
            see(&page, &task("Buy oat milk")).await?;

            fill(&page, "input[aria-label='Message']", "add Water the plants").await?;
            click(&page, "//button[.='Send']").await?;
            see(&page, "//ol[@aria-label='Conversation']/li[contains(., 'Added')]").await?;
            see(&page, &task("Water the plants")).await?;

            click(&page, "//button[@aria-label='Delete Buy oat milk']").await?;
            gone(&page, &task("Buy oat milk")).await?;
            // It is not only the page that says so.
            page.refresh().await?;
            see(&page, &task("Water the plants")).await?;
            gone(&page, &task("Buy oat milk")).await
        })
        .await;
}
