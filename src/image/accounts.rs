//! Who an image runs as: its `USER`, resolved with the `/etc/passwd` and `/etc/group` in it the
//! way runc does (`moby/sys/user`, `GetExecUser`), quirks included.

use crate::image::tree::{Identity, Lost, Tree};

/// The largest id that runc takes.
const LARGEST_ID: i64 = (1 << 31) - 1;

/// A `USER`, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// As it is written; empty is root.
    pub written: String,
    /// It is written as a number.
    pub numeric: bool,
    /// The name of the account with that uid, if there is one.
    pub account: Option<String>,
    /// The user and all of its groups; the first is its own.
    pub identity: Identity,
}

/// Why a `USER` leads to no uid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// No such account.
    #[error("user `{0}` is not in the image's /etc/passwd")]
    NoUser(String),
    /// No such group.
    #[error("group `{0}` is not in the image's /etc/group")]
    NoGroup(String),
    /// A number that is no id.
    #[error("`{0}` is not an id (0 to {LARGEST_ID})")]
    Range(String),
    /// The file is there, but its content is not known.
    #[error("`{0}` is a link, larger than 1 MiB, or executable, and was not read")]
    NotRead(&'static str),
}

struct Account<'a> {
    name: &'a str,
    uid: i64,
    gid: i64,
}

struct Group<'a> {
    name: &'a str,
    gid: i64,
    members: &'a str,
}

/// Resolves `written`, the `USER` of a config, in the files of its image.
pub fn resolve(written: &str, tree: &Tree<'_>) -> Result<User, UserError> {
    let (user, group) = split(written.trim());
    let number = number(user);
    let passwd = file(tree, "/etc/passwd");
    if passwd.is_err() && number.is_none() && !user.is_empty() {
        return Err(UserError::NotRead("/etc/passwd"));
    }
    let wanted = |account: &Account| match (user, number) {
        ("", _) => account.uid == 0,
        (_, Some(uid)) => account.uid == uid,
        _ => account.name == user,
    };
    let account = passwd.unwrap_or_default().lines().filter_map(account).find(wanted);
    let (uid, gid) = match (&account, number) {
        (Some(account), _) => (account.uid, account.gid),
        (None, _) if user.is_empty() => (0, 0),
        (None, Some(uid)) => (uid, 0),
        (None, None) => return Err(UserError::NoUser(user.to_owned())),
    };
    let name = account.map(|account| account.name);
    let gids = if group.is_empty() { supplementary(tree, gid, name)? } else { vec![explicit(tree, group)?] };
    let id = |id: i64| u32::try_from(id).ok().filter(|_| id <= LARGEST_ID).ok_or(UserError::Range(id.to_string()));
    Ok(User {
        written: written.to_owned(),
        numeric: number.is_some(),
        account: name.map(str::to_owned),
        identity: Identity { uid: id(uid)?, gids: gids.into_iter().map(id).collect::<Result<_, _>>()? },
    })
}

/// The group that is written after the colon.
fn explicit(tree: &Tree<'_>, group: &str) -> Result<i64, UserError> {
    let number = number(group);
    let text = match (file(tree, "/etc/group"), number) {
        (Ok(text), _) => text,
        (Err(()), Some(gid)) => return Ok(gid),
        (Err(()), None) => return Err(UserError::NotRead("/etc/group")),
    };
    let wanted = |one: &Group| number.map_or(one.name == group, |gid| one.gid == gid);
    let found = text.lines().filter_map(group_of).find(wanted).map(|one| one.gid);
    found.or(number).ok_or_else(|| UserError::NoGroup(group.to_owned()))
}

/// The account's own group, and those that list it.
fn supplementary(tree: &Tree<'_>, own: i64, name: Option<&str>) -> Result<Vec<i64>, UserError> {
    let (Some(name), Ok(text)) = (name, file(tree, "/etc/group")) else {
        return Ok(vec![own]);
    };
    let lists = |group: &Group| group.members.split(',').any(|member| member == name);
    let more = text.lines().filter_map(group_of).filter(lists).map(|group| group.gid);
    Ok(std::iter::once(own).chain(more).collect())
}

/// The text of a file; empty if there is none, an error if it was not kept.
fn file<'a>(tree: &Tree<'a>, path: &str) -> Result<&'a str, ()> {
    match tree.text(path) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(()),
        Err(Lost::Missing(_) | Lost::NotADirectory(_) | Lost::Loop(_)) => Ok(""),
    }
}

fn split(written: &str) -> (&str, &str) {
    let mut parts = written.split(':');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// As Go's `Atoi` reads it: `+0` and `00` are numbers. A number beyond 64 bits is not one.
fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Fields that are missing or are no numbers count as 0, as for runc.
fn account(line: &str) -> Option<Account<'_>> {
    let line = line.trim();
    let mut fields = line.split(':');
    let name = fields.next().filter(|_| !line.is_empty())?;
    let mut id = fields.skip(1).map(|field| number(field).unwrap_or(0));
    Some(Account { name, uid: id.next().unwrap_or(0), gid: id.next().unwrap_or(0) })
}

fn group_of(line: &str) -> Option<Group<'_>> {
    let line = line.trim();
    let mut fields = line.split(':');
    let name = fields.next().filter(|_| !line.is_empty())?;
    let gid = fields.nth(1).and_then(number).unwrap_or(0);
    Some(Group { name, gid, members: fields.next().unwrap_or_default() })
}
