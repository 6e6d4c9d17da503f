//! Contenders of one piece of work, run in turn.

use super::{measure, stats};
use anyhow::{Context, Result};
use std::process::Command;
use std::time::Duration;

/// No single run takes longer, on any machine that is fit for measuring.
const LIMIT: Duration = Duration::from_secs(180);

/// One way of doing the work of a row.
pub trait Contender {
    /// As tables have it.
    fn name(&self) -> &str;

    /// What must be so before a run; takes no part in its time.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// The run: a command, or several joined by pipes.
    fn commands(&mut self) -> Vec<Command>;

    /// Whether the run did its work, which an exit status alone does not prove; with what should be
    /// known of how.
    fn check(&mut self, said: &str) -> Result<Option<String>>;
}

/// What the runs of one contender took, round by round.
#[derive(Clone)]
pub struct Series {
    pub name: String,
    pub ms: Vec<f64>,
    /// In bytes.
    pub peaks: Vec<f64>,
    /// How the work was done, each way once.
    pub notes: Vec<String>,
}

impl Series {
    fn of(name: &str) -> Self {
        Self { name: name.to_owned(), ms: Vec::new(), peaks: Vec::new(), notes: Vec::new() }
    }

    /// The runs of all of these, if there are any.
    pub fn of_all<'a>(name: &str, all: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let mut one = Self::of(name);
        for series in all {
            one.ms.extend(&series.ms);
            one.peaks.extend(&series.peaks);
        }
        (!one.ms.is_empty()).then_some(one)
    }

    pub fn median_ms(&self) -> f64 {
        stats::median(&self.ms)
    }

    pub fn median_peak(&self) -> f64 {
        stats::median(&self.peaks)
    }

    pub fn highest_peak(&self) -> f64 {
        self.peaks.iter().copied().fold(0.0, f64::max)
    }
}

/// Runs all contenders once in each round, so that what the machine does meanwhile hits all of
/// them; every second round in the opposite order. A first round warms up and does not count, but
/// must do its work as well.
pub fn rounds(count: usize, contenders: &mut [&mut dyn Contender]) -> Result<Vec<Series>> {
    let mut all: Vec<Series> = contenders.iter().map(|one| Series::of(one.name())).collect();
    for round in 0..=count {
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for place in order {
            run(contenders[place], &mut all[place], round > 0)?;
        }
    }
    Ok(all)
}

fn run(contender: &mut dyn Contender, series: &mut Series, counts: bool) -> Result<()> {
    let name = series.name.clone();
    contender.prepare().with_context(|| format!("{name}: getting ready"))?;
    let sample = measure::run(&name, contender.commands(), LIMIT)?;
    let note = contender.check(&sample.said).with_context(|| {
        format!(
            "{name}: it ended well, but its work is not done; it said:\n{}",
            crate::run::last_lines(&sample.said, 20)
        )
    })?;
    eprintln!("bench:   {name}: {:.0} ms{}", sample.ms, if counts { "" } else { " (warm-up)" });
    if counts {
        series.ms.push(sample.ms);
        series.peaks.push(sample.peak as f64);
        series.notes.extend(note.filter(|note| !series.notes.contains(note)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo {
        name: &'static str,
        log: std::rc::Rc<std::cell::RefCell<String>>,
        said: &'static str,
    }

    impl Contender for Echo {
        fn name(&self) -> &str {
            self.name
        }

        fn commands(&mut self) -> Vec<Command> {
            self.log.borrow_mut().push_str(self.name);
            let mut echo = Command::new("echo");
            echo.arg("done");
            vec![echo]
        }

        fn check(&mut self, said: &str) -> Result<Option<String>> {
            anyhow::ensure!(said.trim() == self.said, "it is not `{}`", self.said);
            Ok(Some("by echo".into()))
        }
    }

    #[test]
    fn contenders_take_turns_and_the_warm_up_does_not_count() {
        let log = std::rc::Rc::<std::cell::RefCell<String>>::default();
        let echo = |name| Echo { name, log: log.clone(), said: "done" };
        let (mut a, mut b) = (echo("a"), echo("b"));
        let all = rounds(3, &mut [&mut a, &mut b]).unwrap();
        assert_eq!(*log.borrow(), "abbaabba");
        assert_eq!(all.iter().map(|series| series.ms.len()).collect::<Vec<_>>(), [3, 3]);
        assert_eq!(all[0].notes, ["by echo"]);
    }

    #[test]
    fn a_run_that_did_not_do_its_work_is_no_number() {
        let mut lazy = Echo { name: "lazy", log: Default::default(), said: "something else" };
        let error = rounds(1, &mut [&mut lazy]).err().unwrap();
        assert!(format!("{error:#}").contains("its work is not done"), "{error:#}");
    }
}
