//! The `loadline` command.

fn main() -> std::process::ExitCode {
    loadline::cli::main()
}
