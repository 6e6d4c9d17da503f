//! The browser of `why` in a real terminal, over an archive: it needs no engine.

use super::Shop;
use super::looking::archive_of;
use portable_pty::{Child, CommandBuilder, ExitStatus, PtyPair, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(30);
const ROWS: u16 = 24;
const COLUMNS: u16 = 80;

/// A terminal with a command in it.
struct Terminal {
    _shop: Shop,
    pair: PtyPair,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    /// One that `program` runs in, over `image.tar`.
    fn run(program: &[&str], variables: &[(&str, &str)]) -> Self {
        let shop = Shop::empty();
        let files: [(&str, &[u8]); 3] =
            [("app/server", &[7; 9000]), ("app/data/shop.db", b"x"), ("etc/passwd", b"root")];
        archive_of(&shop.root.join("image.tar"), &files);
        let size = PtySize { rows: ROWS, cols: COLUMNS, ..PtySize::default() };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program[0]);
        command.args(&program[1..]);
        command.env_clear();
        command.env("HOME", shop.root.join("home"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TERM", "xterm-256color");
        variables.iter().for_each(|(name, value)| command.env(name, value));
        command.cwd(&shop.root);
        let child = pair.slave.spawn_command(command).unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 100)));
        let (mut reader, drawn) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                drawn.lock().unwrap().process(&bytes[..count]);
            }
        });
        Self { _shop: shop, pair, child, keyboard, screen }
    }

    fn browse() -> Self {
        let terminal = Self::run(&[env!("CARGO_BIN_EXE_loadline"), "why", "--archive", "image.tar"], &[]);
        terminal.wait_for(|screen| screen.contents().contains("? keys"));
        terminal
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    #[track_caller]
    fn wait_for(&self, is_so: impl Fn(&vt100::Screen) -> bool) {
        let begun = Instant::now();
        while !is_so(self.screen.lock().unwrap().screen()) {
            let seen = self.screen.lock().unwrap().screen().contents();
            assert!(begun.elapsed() < PATIENCE, "it did not come; there is:\n{seen}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn wait_for_text(&self, text: &str) {
        self.wait_for(|screen| screen.contents().contains(text));
    }

    /// Lines are edited and echoed: the terminal is a shell's.
    fn is_cooked(&self) -> bool {
        let modes = tcgetattr(File::open(self.pair.master.tty_name().unwrap()).unwrap()).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Waits for the end; the terminal must be as it was then.
    #[track_caller]
    fn left(&mut self) -> ExitStatus {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "it did not leave");
            std::thread::sleep(Duration::from_millis(10));
        };
        self.wait_for(|screen| !screen.alternate_screen() && !screen.hide_cursor());
        assert!(self.is_cooked(), "the terminal is still raw");
        status
    }

    /// What is left on the screen.
    fn rest(&self) -> String {
        self.screen.lock().unwrap().screen().contents().trim().to_owned()
    }
}

#[test]
fn it_opens_filters_and_leaves_nothing_behind() {
    let mut terminal = Terminal::browse();
    terminal.wait_for(|screen| screen.alternate_screen() && screen.hide_cursor());
    assert!(!terminal.is_cooked());
    terminal.wait_for_text("image.tar  ");
    terminal.press("\t/shop");
    terminal.wait_for_text("/shop   1 entry");
    terminal.wait_for_text("shop.db");
    terminal.press("\r\x1b[B\x1b[B");
    terminal.wait_for_text("/app/data/shop.db");
    terminal.press("?");
    terminal.wait_for_text("Keys, and marks of files");
    terminal.press("qq");
    assert_eq!(terminal.left().exit_code(), 0);
    assert_eq!(terminal.rest(), "", "stdout is data, and nobody asked for any");
}

#[test]
fn control_c_and_sigterm_leave_as_interrupted() {
    let mut terminal = Terminal::browse();
    terminal.press("\x03");
    assert_eq!(terminal.left().exit_code(), 130);
    let mut terminal = Terminal::browse();
    let pid = Pid::from_raw(terminal.child.process_id().unwrap().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(terminal.left().exit_code(), 130);
}

#[test]
fn it_follows_the_terminals_size() {
    let mut terminal = Terminal::browse();
    for (rows, cols) in [(5, 20), (1, 1), (40, 200)] {
        terminal.screen.lock().unwrap().screen_mut().set_size(rows, cols);
        terminal.pair.master.resize(PtySize { rows, cols, ..PtySize::default() }).unwrap();
    }
    terminal.wait_for(|screen| {
        screen.contents().lines().next().is_some_and(|line| line.trim_end().ends_with("2 Cuts") && line.len() > 190)
    });
    terminal.press("q");
    assert_eq!(terminal.left().exit_code(), 0);
}

#[test]
fn control_z_gives_the_terminal_to_the_shell_and_comes_back() {
    let script = format!(
        "set -m; '{}' why --archive image.tar; echo stopped; stty -a; read line; fg; echo left $?",
        env!("CARGO_BIN_EXE_loadline")
    );
    let mut terminal = Terminal::run(&["sh", "-c", &script], &[]);
    terminal.wait_for(|screen| screen.alternate_screen() && screen.contents().contains("? keys"));
    terminal.press("\x1a");
    terminal.wait_for(|screen| !screen.alternate_screen() && screen.contents().contains(" icanon"));
    assert!(terminal.is_cooked());
    terminal.press("\n");
    terminal.wait_for(|screen| screen.alternate_screen() && screen.contents().contains("? keys"));
    terminal.press("q");
    terminal.wait_for_text("left 0");
    terminal.left();
    // With no shell to continue it, it stays.
    let mut terminal = Terminal::browse();
    terminal.press("\x1a?");
    terminal.wait_for_text("Keys, and marks of files");
    terminal.press("\x03");
    assert_eq!(terminal.left().exit_code(), 130);
}

#[test]
fn who_asks_for_text_gets_text_on_a_terminal_too() {
    let program = [env!("CARGO_BIN_EXE_loadline"), "why", "--archive", "image.tar"];
    for (more, variables) in [
        (&["--print"][..], &[][..]),
        (&["--top", "2"], &[]),
        (&["--json"], &[]),
        (&[], &[("CI", "true")]),
        (&[], &[("TERM", "dumb")]),
    ] {
        let mut terminal = Terminal::run(&[&program[..], more].concat(), variables);
        assert_eq!(terminal.left().exit_code(), 0, "{more:?}");
        terminal.wait_for(|screen| !screen.contents().trim().is_empty());
        assert!(!terminal.rest().contains("? keys"), "{}", terminal.rest());
    }
}
