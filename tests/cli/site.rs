//! A small application over real HTTP, for journeys to go through.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Came {
    pub line: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// The application; it ends with the process.
pub struct Site {
    pub url: String,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Site {
    /// Answers on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let came: Arc<Mutex<Vec<Came>>> = Arc::default();
        let all = came.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let all = all.clone();
                std::thread::spawn(move || serve(stream, &all));
            }
        });
        Self { url, came }
    }

    /// All that came whose first line begins so.
    pub fn came(&self, line: &str) -> Vec<Came> {
        self.came.lock().unwrap().iter().filter(|one| one.line.starts_with(line)).cloned().collect()
    }
}

fn serve(stream: TcpStream, all: &Mutex<Vec<Came>>) {
    let Some(came) = read(&stream) else { return };
    let before = {
        let mut all = all.lock().unwrap();
        all.push(came.clone());
        all.iter().filter(|one| one.line == came.line).count() - 1
    };
    let answer = answer(&came, before);
    // Who asked may have gone.
    (&stream).write_all(answer.as_bytes()).ok();
}

fn read(stream: &TcpStream) -> Option<Came> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Came { line: line.trim_end().to_owned(), headers, body: String::from_utf8(body).ok()? })
}

/// What is said to `came`, of which there were so many `before`.
fn answer(came: &Came, before: usize) -> String {
    let (method, rest) = came.line.split_once(' ').unwrap();
    let path = rest.strip_suffix(" HTTP/1.1").unwrap();
    let json = "Content-Type: application/json\r\n";
    match (method, path) {
        ("GET", "/tasks/7") => {
            said("200 OK", json, r#"{"id":7,"title":"Buy milk","done":false,"tags":["home","soon"]}"#)
        }
        ("POST", "/tasks") => said(
            "201 Created",
            &format!("{json}Location: /tasks/7\r\nSet-Cookie: sid=s1; Path=/\r\n"),
            r#"{"id":7,"token":"t0"}"#,
        ),
        ("GET", "/echo") => said("200 OK", json, &serde_json::json!({ "key": came.headers.get("x-key") }).to_string()),
        ("GET", "/slow-start") if before < 2 => said("503 Service Unavailable", "", "starting"),
        ("GET", "/slow-start") => said("200 OK", "", "ready"),
        ("GET", "/never") => said("503 Service Unavailable", "", "starting"),
        ("GET", "/old") => said("302 Found", "Location: /tasks/7\r\n", ""),
        ("POST", "/form") => said("303 See Other", "Location: /tasks/7\r\n", ""),
        ("GET", "/away") => said("302 Found", "Location: http://127.0.0.1:1/x\r\n", ""),
        ("GET", "/round") => said("302 Found", "Location: /round\r\n", ""),
        ("GET", "/page") => said(
            "200 OK",
            "Content-Type: text/html\r\n",
            "<html>\n<title>Shop</title>\n\n<p>Welcome\x1b[2J</p>\n</html>\n",
        ),
        ("GET", "/huge") => said("200 OK", "", &"x".repeat(5 << 20)),
        ("GET", "/closed") => String::new(),
        ("GET", "/hangs") => {
            std::thread::sleep(std::time::Duration::from_secs(60));
            String::new()
        }
        _ => said("404 Not Found", json, r#"{"detail":"no such thing"}"#),
    }
}

fn said(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}
