//! `user.*`: who the image runs as.

use crate::image::accounts::{User, UserError};
use crate::verify::subject::{Checked, Draft, NotChecked, Subject};

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let place = subject.last_instruction(|one| one.keyword == "USER").or_else(|| subject.last_from());
    let written = subject.facts.config.config.user.trim();
    let draft = match &subject.user {
        Ok(user) if user.identity.uid == 0 => root(written),
        // Without an account the name leads nowhere, and means root all the same.
        Err(_) if written.split(':').next() == Some("root") => root(written),
        Err(error @ UserError::NotRead(_)) => return Err(not_checked(error)),
        Err(error) => unknown(error),
        Ok(user) if !user.numeric => name(user),
        Ok(user) if user.account.is_none() => {
            let found = format!("uid {} is not in /etc/passwd", user.identity.uid);
            Draft::new("user.no-passwd", "an account for the uid", found)
        }
        Ok(_) => return Ok(Vec::new()),
    };
    Ok(vec![draft.at(place)])
}

/// Whether it is root, and whether there is such a user, stands in a file that could not be read.
fn not_checked(error: &UserError) -> Vec<NotChecked> {
    ["user.root", "user.unknown"].map(|rule| NotChecked { rule, why: error.to_string() }).into()
}

fn root(written: &str) -> Draft {
    let found = match written {
        "" => "no USER is set, so it runs as root".to_owned(),
        "0" | "root" => format!("USER is `{written}`"),
        written => format!("USER is `{written}`, which is uid 0"),
    };
    Draft::new("user.root", "a user other than root", found)
        .hint("set USER to a number other than 0, such as `USER 1000:1000`")
}

fn unknown(error: &UserError) -> Draft {
    Draft::new("user.unknown", "a user that the image knows, or a number", error.to_string())
        .hint("set USER to a number, such as `USER 1000:1000`")
}

fn name(user: &User) -> Draft {
    let uid = user.identity.uid;
    let gid = user.identity.gids.first().copied().unwrap_or(0);
    let found = format!("USER is `{}`; Kubernetes cannot check a name under runAsNonRoot", user.written);
    Draft::new("user.name", "a number", found)
        .hint(format!("`{}` is uid {uid} in the image; write `USER {uid}:{gid}`", user.written))
}
