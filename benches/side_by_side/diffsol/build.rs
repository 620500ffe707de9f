//! Compiles the listed model, whose folder is in MODEL_FOLDER.

fn main() {
    let folder = std::env::var("MODEL_FOLDER").expect("MODEL_FOLDER names the folder with model.c");
    println!("cargo:rerun-if-env-changed=MODEL_FOLDER");
    println!("cargo:rerun-if-changed={folder}/model.c");
    cc::Build::new()
        .file(format!("{folder}/model.c"))
        .flag("-march=native")
        .flag("-Wno-unused-function")
        .opt_level(3)
        .compile("model");
}
