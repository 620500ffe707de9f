//! probe
use hif_switch::{parameters::Library, regimen::Arm, simulate::*};
fn main() {
    let lib = Library::shipped();
    let a: Vec<String> = std::env::args().collect();
    let arm = Arm::parse(&a[2], &lib, "arm").map_err(|e| eprintln!("{e}")).unwrap();
    let mut sc = Scenario::new(&a[1], arm);
    for s in &a[3..] {
        let (k, v) = s.split_once('=').unwrap();
        match k {
            "dose" => sc.dose = Some(hif_switch::units::Quantity::parse(v).unwrap()),
            "days" => sc.duration = Some(24.0 * v.parse::<f64>().unwrap()),
            "regimen" => sc.regimen = Some(v.into()),
            "phenotype" => sc.phenotype = Some(v.into()),
            "variant" => sc.variant = Some(v.into()),
            _ => sc.overrides.push((k.into(), v.into())),
        }
    }
    let p = match sc.prepare(&lib) { Ok(p) => p, Err(e) => { eprintln!("{e}"); return } };
    let mut r = Recorder::every(&p, p.timeline.duration / 28.0);
    let t = std::time::Instant::now();
    let o = p.run(&Accuracy::default(), &mut [&mut r]).map_err(|e| eprintln!("{e}")).unwrap();
    println!("{:?} {:?}", t.elapsed(), o.work);
    println!("balance {:?}", o.balance.map(|b| b.relative_error()));
    let tr = r.finish();
    println!("    day     C   MVD   pO2    H1    H2     W  VEGF  surv  apop   EMT burden   R% M");
    for i in 0..tr.times.len() {
        let (s, g) = (&tr.states[i], &tr.signals[i]);
        println!("{:7.2} {:6.2} {:5.2} {:5.2} {:5.2} {:5.2} {:5.2} {:5.2} {:5.2} {:5.2} {:5.2} {:7.2} {:5.3} {:.2}", tr.times[i]/24.0, g.sorafenib_total, g.mvd, s.oxygen, s.hif.hif1a, s.hif.hif2a, s.hif.regulator, s.vasculature.vegf, s.effectors.survival, s.effectors.apoptosis, s.effectors.emt, g.burden, g.resistant, s.tumour.metastases);
    }
}
