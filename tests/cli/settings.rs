//! Settings that are wrong: each text, its place, its hint, exit 2.

use super::Shop;

/// What `loadline config` says of `settings`.
fn error(settings: &str) -> String {
    let ran = Shop::with(settings).run(&["config"]);
    assert_eq!(ran.code, Some(2), "{}", ran.all());
    assert_eq!(ran.out, "", "nothing on stdout when there is no plan");
    ran.err
}

macro_rules! errors {
    ($($name:ident: $settings:expr;)*) => {
        $(#[test] fn $name() { insta::assert_snapshot!(error($settings)); })*
    };
}

errors! {
    malformed: "version = 1\n[image.api\n";
    not_a_string: "version = 1\n[image.api]\nbudget = 400\n";
    no_version: "[image.api]\n";
    wrong_version: "version = 2\nfuture = true\n";
    unknown_keys_are_all_named: "version = 1\ntraget = \"kind\"\n[image.api]\nbudgte = \"1MB\"\nprobe.pth = \"/\"\n";
    unknown_key_without_a_near_one: "version = 1\n[image.api.probe]\nwhatever = 1\n";
    duplicate_image: "version = 1\n[image.api]\n[image.api]\n";
    duplicate_key: "version = 1\nversion = 1\n";
    no_image: "version = 1\n";
    image_name: "version = 1\n[image.API]\n";
    budget: "version = 1\n[image.api]\nbudget = \"400 potatoes\"\n";
    budget_of_nothing: "version = 1\n[image.api]\nbudget = \"0\"\n";
    reference: "version = 1\n[image.api]\ntag = [\"shop/api:1\", \"Shop/api\"]\n";
    no_tag: "version = 1\n[image.api]\ntag = []\n";
    missing_dockerfile: "version = 1\n[image.api]\ndockerfile = \"deploy/Dockerfile\"\n";
    no_dockerfile: "version = 1\n[image.web]\n";
    missing_context: "version = 1\n[image.api]\ncontext = \"nowhere\"\n";
    context_is_a_file: "version = 1\n[image.api]\ncontext = \"api.Dockerfile\"\n";
    target: "version = 1\ntarget = \"minkube\"\n[image.api]\n";
    platform: "version = 1\n[image.api]\nplatform = \"arm\"\n";
    secret_without_source: "version = 1\n[image.api.secrets]\nnpm = { optional = true }\n";
    argument: "version = 1\n[image.api.args]\nA = 1\n";
    unknown_rule: "version = 1\n[image.api]\n[rules]\n\"size.bugdet\" = \"warn\"\n";
    rule_level: "version = 1\n[image.api]\n[rules]\n\"size.budget\" = \"fatal\"\n";
    probe: "version = 1\n[image.api.probe]\npath = \"health\"\nport = 0\nstatus = 99\ndeadline = \"soon\"\n";
    run: "version = 1\n[image.api.run]\nuser = \"app\"\nwritable = [\"/tmp\", \"cache\"]\nmemory = \"much\"\ncpu = 0\n";
    need_without_image: "version = 1\n[image.api.needs.db]\n";
    need_ready: "version = 1\n[image.api.needs.db]\nimage = \"postgres:16\"\nready = \"tcp:postgres\"\n";
    kinds_in_the_files_own_words: "version = 1\ntarget = 3\n[image]\nweb = \"web.Dockerfile\"\n[image.api]\ntag = 1\nnumeric-user = \"yes\"\nargs.DEBUG = true\nprobe.port = 70000\nrun.writable = \"/tmp\"\n[rules]\n\"user.root\" = \"fatal\"\n";
    all_at_once: "target = \"kubernetes\"\n[image.api]\nbudgte = \"1MB\"\nnumeric-user = 1\nplatform = \"arm\"\n[image.web]\n";
    values_that_no_engine_takes: "version = 1\n[image.api]\nargs.\"A=B\" = \"1\"\nprobe.deadline = \"0s\"\nrun.memory = \"1MiB\"\nrun.writable = [\"/\", \"/tmp\"]\nrun.env.\"\" = \"1\"\n";
    needs_itself: "version = 1\n[image.api.needs.api]\n";
}

#[test]
fn images_that_need_each_other() {
    let settings = "version = 1\n[image.api.needs.web]\n[image.web.needs.api]\n[image.job.needs.api]\n";
    let shop = Shop::with(settings).file("web.Dockerfile", "").file("job.Dockerfile", "");
    insta::assert_snapshot!(shop.run(&["config"]).all());
}

#[test]
fn two_images_with_one_tag() {
    let shop = Shop::with("version = 1\n[image.api]\n[image.web]\ntag = \"api:dev\"\n").file("web.Dockerfile", "");
    insta::assert_snapshot!(shop.run(&["config"]).all());
}

#[test]
fn nothing_to_work_with() {
    insta::assert_snapshot!(Shop::empty().file("api/Dockerfile", "").run(&["config"]).all());
}

#[test]
fn the_named_file_does_not_exist() {
    insta::assert_snapshot!(Shop::empty().run(&["config", "--file", "other.toml"]).all());
}

#[test]
fn two_dockerfiles_for_one_image() {
    let shop = Shop::empty().file("Dockerfile", "").file("dockerfiles/shop.Dockerfile", "");
    insta::assert_snapshot!(shop.run(&["config"]).all());
}

#[test]
fn settings_are_found_upwards_and_paths_are_relative_to_them() {
    let shop = Shop::with("version = 1\n[image.api]\n").file("deep/er/x", "");
    let mut command = shop.command(&["config", "--json"]);
    command.current_dir(shop.root.join("deep/er"));
    let ran = shop.ran(command);
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["settings"], "$SHOP/loadline.toml");
    assert_eq!(document["plan"]["images"][0]["dockerfile"], "$SHOP/api.Dockerfile");
}

#[cfg(unix)]
#[test]
fn a_linked_dockerfile_keeps_its_name() {
    let shop = Shop::empty().file("real", "FROM scratch\n").file("loadline.toml", "version = 1\n[image.api]\n");
    std::os::unix::fs::symlink("real", shop.root.join("api.Dockerfile")).unwrap();
    let ran = shop.run(&["config"]);
    assert!(ran.out.contains("dockerfile = \"api.Dockerfile\""), "{}", ran.all());
}
