//! Rebuilds the embedded parameter set when a file is added to `params/`.

fn main() {
    println!("cargo::rerun-if-changed=params");
}
