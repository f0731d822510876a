//! What orders make of a bypass. Pure; whether somebody may give one, and whether a second person has
//! approved it, was decided before.

use std::fmt;

use yagura_control::Timestamp;

use super::stage::{Confirmed, Ingress, Permit, Stage};

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// Publish directly instead of through the cloud.
    Bypass {
        /// By what right.
        permit: Permit,
    },
    /// Go back behind a cloud.
    Return {
        /// Which; none for the one that was left.
        cloud: Option<String>,
    },
    /// Do not bypass after all.
    Abort,
    /// The change of the DNS was made by hand.
    Confirm(Confirmed),
}

/// Why an order makes no sense now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonsense {
    /// The bypass is under way or there already.
    UnderWay(Stage),
    /// There is none.
    NoBypass,
    /// It is on the way back already.
    Returns(Stage),
    /// The bypass is complete; going back is a return.
    Complete,
    /// Going back before it is complete is an abort.
    NotComplete(Stage),
    /// No second person has approved it, or that was too long ago.
    NotPermitted,
    /// No change of the DNS is waited for, nor was one made.
    NothingToConfirm(Stage),
}

impl fmt::Display for Nonsense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnderWay(stage) => write!(f, "the bypass is under way: {}", stage.describe()),
            Self::NoBypass => f.write_str("the site stands behind its cloud"),
            Self::Returns(stage) => write!(f, "the site is on its way back: {}", stage.describe()),
            Self::Complete => f.write_str("the bypass is complete"),
            Self::NotComplete(stage) => {
                write!(f, "the bypass is not complete: {}", stage.describe())
            }
            Self::NotPermitted => {
                f.write_str("nobody else has approved it, or that was too long ago")
            }
            Self::NothingToConfirm(stage) => {
                write!(
                    f,
                    "no change of the DNS is waited for: {}",
                    stage.describe()
                )
            }
        }
    }
}

impl Nonsense {
    /// What to do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::UnderWay(_) | Self::Returns(_) | Self::NothingToConfirm(_) => {
                "look at `yagura cloud status`"
            }
            Self::NoBypass => "nothing needs to be done",
            Self::Complete => "ask for the return: `yagura cloud return`",
            Self::NotComplete(_) => "give up the bypass: `yagura cloud abort`",
            Self::NotPermitted => "ask for it again, and have another person approve it",
        }
    }
}

/// What is kept after an order.
///
/// # Errors
/// It makes no sense at this stage.
pub fn ordered(ingress: &Ingress, order: &Ordered, now: Timestamp) -> Result<Ingress, Nonsense> {
    let stage = ingress.stage;
    match order {
        Ordered::Bypass { permit } => {
            let next = match stage {
                Stage::Cloud => Stage::Armed,
                // The door is open, and stays so: readers may still come by older answers.
                _ if stage.returns() => Stage::Open,
                // Somebody may have led the DNS away meanwhile; whether it leads here is looked at anew.
                Stage::Verifying | Stage::Bypass => Stage::Open,
                _ => return Err(Nonsense::UnderWay(stage)),
            };
            if !permit.allows(now) {
                return Err(Nonsense::NotPermitted);
            }
            Ok(Ingress {
                permit: Some(permit.clone()),
                ..ingress.at(next, now)
            })
        }
        Ordered::Return { cloud } => match stage {
            Stage::Bypass => Ok(Ingress {
                cloud: cloud.clone().or_else(|| ingress.cloud.clone()),
                ..ingress.at(Stage::DnsReturning, now)
            }),
            Stage::Cloud => Err(Nonsense::NoBypass),
            _ if stage.returns() => Err(Nonsense::Returns(stage)),
            _ => Err(Nonsense::NotComplete(stage)),
        },
        Ordered::Abort => match stage {
            // Nobody was ever let in.
            Stage::Armed => Ok(ingress.at(Stage::Cloud, now)),
            // An update may be under way, or a person at the keys: never straight to a closed door.
            Stage::Open | Stage::DnsChanging | Stage::Verifying => {
                Ok(ingress.at(Stage::DnsReturning, now))
            }
            Stage::Bypass => Err(Nonsense::Complete),
            Stage::Cloud => Err(Nonsense::NoBypass),
            Stage::DnsReturning | Stage::ReturnVerifying | Stage::Draining => {
                Err(Nonsense::Returns(stage))
            }
        },
        Ordered::Confirm(confirmed) => match stage {
            // Servers are seen to have changed before the vendor has called back.
            Stage::DnsChanging
            | Stage::Verifying
            | Stage::Bypass
            | Stage::DnsReturning
            | Stage::ReturnVerifying
            | Stage::Draining => Ok(Ingress {
                confirmed: Some(confirmed.clone()),
                ..ingress.clone()
            }),
            Stage::Cloud | Stage::Armed | Stage::Open => Err(Nonsense::NothingToConfirm(stage)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(50);

    fn permit(approved: bool, until: u64) -> Permit {
        Permit {
            request: Some("r1".into()),
            asked_by: "sato".into(),
            approved_by: approved.then(|| "suzuki".to_owned()).into_iter().collect(),
            at: Timestamp(1),
            until: Timestamp(until),
            break_glass: false,
        }
    }

    /// The stage after an order at each stage; `Err` where it makes no sense.
    fn table(order: &Ordered) -> Vec<Result<Stage, Nonsense>> {
        let stages = Stage::ALL.into_iter();
        let kept = stages.map(|stage| Ingress {
            permit: Some(permit(true, 99)),
            ..Ingress::default().at(stage, Timestamp(1))
        });
        kept.map(|kept| ordered(&kept, order, NOW).map(|next| next.stage))
            .collect()
    }

    #[test]
    fn every_order_meets_every_stage() {
        use Nonsense::{Complete, NoBypass, NotComplete, NothingToConfirm, Returns, UnderWay};
        use Stage::*;
        let bypass = |permit| Ordered::Bypass { permit };
        let mut expected = vec![Ok(Armed)];
        expected.extend([Armed, Open, DnsChanging].map(|at| Err(UnderWay(at))));
        expected.extend([Ok(Open); 5]);
        assert_eq!(table(&bypass(permit(true, 99))), expected);

        for forbidden in [permit(false, 99), permit(true, 50), permit(true, 49)] {
            let got = table(&bypass(forbidden));
            assert!(got.iter().all(Result::is_err), "{got:?}");
            assert_eq!(got[0], Err(Nonsense::NotPermitted));
        }

        let mut expected = vec![Err(NoBypass)];
        expected.extend([Armed, Open, DnsChanging, Verifying].map(|at| Err(NotComplete(at))));
        expected.push(Ok(DnsReturning));
        let returns = [DnsReturning, ReturnVerifying, Draining].map(|at| Err(Returns(at)));
        expected.extend(returns);
        let back = Ordered::Return { cloud: None };
        assert_eq!(table(&back), expected);

        let mut expected = vec![Err(NoBypass), Ok(Cloud)];
        expected.extend([Ok(DnsReturning); 3]);
        expected.push(Err(Complete));
        expected.extend(returns);
        assert_eq!(table(&Ordered::Abort), expected);

        let confirm = Ordered::Confirm(Confirmed {
            who: "sato".into(),
            at: NOW,
            note: "vendor, ticket 12".into(),
        });
        let too_early = [Cloud, Armed, Open];
        let expected = Stage::ALL.map(|stage| {
            let asked_for = !too_early.contains(&stage);
            asked_for.then_some(stage).ok_or(NothingToConfirm(stage))
        });
        assert_eq!(table(&confirm), expected);
    }

    #[test]
    fn no_order_closes_an_open_door() {
        let orders = [
            Ordered::Abort,
            Ordered::Return { cloud: None },
            Ordered::Bypass {
                permit: permit(true, 99),
            },
        ];
        for order in orders {
            for (stage, after) in Stage::ALL.into_iter().zip(table(&order)) {
                let closes = after.is_ok_and(|after| !after.admits_direct());
                assert!(!(stage.admits_direct() && closes), "{stage}: {order:?}");
            }
        }
    }

    #[test]
    fn the_cloud_that_is_returned_to_may_be_another_one() {
        let bypassed = Ingress {
            cloud: Some("prefecture".into()),
            longest_ttl_s: 60,
            ..Ingress::default().at(Stage::Bypass, Timestamp(1))
        };
        for (named, expected) in [(None, "prefecture"), (Some("successor"), "successor")] {
            let back = Ordered::Return {
                cloud: named.map(str::to_owned),
            };
            let next = ordered(&bypassed, &back, NOW).unwrap();
            assert_eq!(next.cloud.as_deref(), Some(expected));
            assert_eq!(next.longest_ttl_s, 60);
        }
    }
}
