//! Whether the process is alive that made something in an engine.

/// When a process that runs was started, in ticks since the boot (proc(5), `stat`, field 22).
pub fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name is in parentheses, and may have spaces and parentheses itself.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    let is_dead = matches!(state, "Z" | "X");
    fields.nth(18).filter(|_| !is_dead).map(str::to_owned)
}
