//! An off-site place that is away for a day, and is back.

use super::*;

#[test]
fn a_place_that_was_away_for_a_day_gets_every_generation_that_is_to_be_kept() {
    let town = Town::new(
        "[[backup.target]]\nname = \"disk\"\nfolder = \"disk\"\n\
         [[backup.target]]\nname = \"far\"\nfolder = \"far\"\n",
    );
    let hour = |count: u32| NOW.plus(Duration::from_secs(3_600) * count);
    let copy = |at| town.vault.copy("far", Part::Database, at, false);
    town.write(0);
    town.take(hour(0));
    assert_eq!(copy(hour(0)).unwrap(), 1);
    fs::rename(town.path("far"), town.path("line-cut")).unwrap();
    for id in 1..=24 {
        town.write(id);
        town.take(hour(id));
        let refused = copy(hour(id)).unwrap_err();
        assert!(matches!(refused, BackupError::Gone { .. }), "{refused}");
        if id % 12 == 0 {
            town.vault.tidy("disk", Part::Database, hour(id)).unwrap();
            let refused = town.vault.tidy("far", Part::Database, hour(id));
            refused.unwrap_err();
        }
    }
    assert!(!town.path("far").exists(), "it was begun anew in silence");
    fs::rename(town.path("line-cut"), town.path("far")).unwrap();
    let back = hour(25);
    town.write(25);
    town.take(back);
    assert_eq!(copy(back).unwrap(), 25);
    assert_eq!(copy(back).unwrap(), 0);
    town.vault.tidy("far", Part::Database, back).unwrap();
    let here = town
        .vault
        .generations(Some("disk"), Part::Database)
        .unwrap();
    let there = town.vault.generations(Some("far"), Part::Database).unwrap();
    let instants = |of: &[Generation]| of.iter().map(|it| it.at).collect::<Vec<_>>();
    assert_eq!(instants(&here), instants(&there));
    for (number, generation) in there.into_iter().enumerate().step_by(8) {
        let to = town.path(&format!("restored-{number}"));
        let restored = town.vault.restore(Some("far"), generation, &to, &|_, _| {});
        assert_eq!(restored.unwrap().differences, [""; 0]);
    }
    let faults = town.vault.check(Some("far"), Part::Database, Reading::All);
    assert_eq!(faults.unwrap(), [""; 0]);
}
