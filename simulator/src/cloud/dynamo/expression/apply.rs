//! Applies an update to an item.

use super::Scope;
use super::path::{Step, find, find_mut};
use super::update::{Operand, Update};
use crate::cloud::dynamo::value::{Item, Value};

const INVALID_PATH: &str = "The document path provided in the update expression is invalid for update";
const MISSING: &str = "The provided expression refers to an attribute that does not exist in the item";
const WRONG_TYPE: &str = "An operand in the update expression has an incorrect data type";

/// A change of one path.
enum Write<'v> {
    Set(Value),
    Add(&'v Value),
    Delete(&'v Value),
}

type Writes<'s> = Vec<(Vec<Step<'s>>, Write<'s>)>;

impl Update {
    /// The item as the update leaves it. Everything it refers to is taken from the item as it was.
    pub(in super::super) fn apply(&self, old: &Item, scope: &Scope<'_>) -> Result<Item, String> {
        let mut writes = self.writes(old, scope)?;
        // In the order of their paths: what is set behind the end of a list is appended, lowest index first.
        writes.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut item = old.clone();
        let mut removals = Vec::new();
        for (steps, write) in writes {
            if write.make(&mut item, &steps)? {
                removals.push(steps);
            }
        }
        self.add_removals(old, scope, &mut removals)?;
        // From the end, so that no removal moves what another one means.
        removals.sort_by(|one, other| other.cmp(one));
        for steps in &removals {
            remove(&mut item, steps);
        }
        Ok(item)
    }

    fn writes<'s>(&'s self, old: &Item, scope: &Scope<'s>) -> Result<Writes<'s>, String> {
        let mut writes = Writes::with_capacity(self.sets.len() + self.adds.len() + self.deletes.len());
        // An operand that does not fit is told before a path that cannot be.
        for (path, slot) in &self.adds {
            let value = scope.values[*slot];
            if path.find(old, scope).is_some_and(|there| there.kind() != value.kind()) {
                return Err(WRONG_TYPE.to_owned());
            }
            writes.push((path.steps(scope), Write::Add(value)));
        }
        for (path, slot) in &self.deletes {
            let value = scope.values[*slot];
            if path.find(old, scope).is_some_and(|there| there.kind() != value.kind()) {
                return Err(WRONG_TYPE.to_owned());
            }
            writes.push((path.steps(scope), Write::Delete(value)));
        }
        for (path, operand) in &self.sets {
            writes.push((path.steps(scope), Write::Set(operand.value(old, scope)?)));
        }
        Ok(writes)
    }

    fn add_removals<'s>(
        &'s self,
        old: &Item,
        scope: &Scope<'s>,
        removals: &mut Vec<Vec<Step<'s>>>,
    ) -> Result<(), String> {
        for path in &self.removes {
            let steps = path.steps(scope);
            if path.find(old, scope).is_some() {
                removals.push(steps);
            } else if !has_parent(old, &steps) {
                return Err(INVALID_PATH.to_owned());
            }
        }
        Ok(())
    }
}

impl Operand {
    fn value(&self, item: &Item, scope: &Scope<'_>) -> Result<Value, String> {
        match self {
            Operand::Value(slot) => Ok(scope.values[*slot].clone()),
            Operand::Path(path) => path.find(item, scope).cloned().ok_or_else(|| MISSING.to_owned()),
            Operand::IfNotExists(path, otherwise) => match path.find(item, scope) {
                Some(value) => Ok(value.clone()),
                None => otherwise.value(item, scope),
            },
            Operand::ListAppend(one, other) => match (one.value(item, scope)?, other.value(item, scope)?) {
                (Value::L(mut list), Value::L(more)) => {
                    list.extend(more);
                    Ok(Value::L(list))
                }
                _ => Err(WRONG_TYPE.to_owned()),
            },
            Operand::Plus(one, other) => match (one.value(item, scope)?, other.value(item, scope)?) {
                (Value::N(one), Value::N(other)) => sum(one.add(other)),
                _ => Err(WRONG_TYPE.to_owned()),
            },
            Operand::Minus(one, other) => match (one.value(item, scope)?, other.value(item, scope)?) {
                (Value::N(one), Value::N(other)) => sum(one.subtract(other)),
                _ => Err(WRONG_TYPE.to_owned()),
            },
        }
    }
}

type Sum = Result<crate::cloud::dynamo::number::Number, crate::cloud::dynamo::number::NumberError>;

fn sum(result: Sum) -> Result<Value, String> {
    result.map(Value::N).map_err(|error| error.to_string())
}

impl Write<'_> {
    /// Makes the change; says whether it left an empty set, which is no value.
    fn make(self, item: &mut Item, steps: &[Step<'_>]) -> Result<bool, String> {
        match self {
            Write::Set(value) => set(item, steps, value).map(|()| false),
            Write::Add(value) => match find_mut(item, steps) {
                Some(there) => add(there, value).map(|()| false),
                None => set(item, steps, value.clone()).map(|()| false),
            },
            Write::Delete(_) if !has_parent(item, steps) => Err(INVALID_PATH.to_owned()),
            Write::Delete(value) => find_mut(item, steps).map_or(Ok(false), |there| delete(there, value)),
        }
    }
}

fn add(there: &mut Value, value: &Value) -> Result<(), String> {
    match (there, value) {
        (Value::N(there), Value::N(more)) => *there = there.add(*more).map_err(|error| error.to_string())?,
        (Value::Ss(set), Value::Ss(more)) => unite(set, more),
        (Value::Ns(set), Value::Ns(more)) => unite(set, more),
        (Value::Bs(set), Value::Bs(more)) => unite(set, more),
        _ => return Err(WRONG_TYPE.to_owned()),
    }
    Ok(())
}

fn unite<T: Ord + Clone>(set: &mut Vec<T>, more: &[T]) {
    set.extend_from_slice(more);
    set.sort_unstable();
    set.dedup_by(|one, other| one == other);
}

fn delete(there: &mut Value, value: &Value) -> Result<bool, String> {
    Ok(match (there, value) {
        (Value::Ss(set), Value::Ss(less)) => subtract(set, less),
        (Value::Ns(set), Value::Ns(less)) => subtract(set, less),
        (Value::Bs(set), Value::Bs(less)) => subtract(set, less),
        _ => return Err(WRONG_TYPE.to_owned()),
    })
}

/// Whether nothing is left but an empty set; that is left as it was, for its removal.
fn subtract<T: PartialEq>(set: &mut Vec<T>, less: &[T]) -> bool {
    if set.iter().all(|member| less.contains(member)) {
        return true;
    }
    set.retain(|member| !less.contains(member));
    false
}

/// Whether the last step can be taken, whether or not something is there.
fn has_parent(item: &Item, steps: &[Step<'_>]) -> bool {
    match steps.split_last() {
        Some((Step::Name(_), [])) => true,
        Some((last, parents)) => matches!(
            (find(item, parents.iter().copied()), last),
            (Some(Value::M(_)), Step::Name(_)) | (Some(Value::L(_)), Step::Index(_))
        ),
        None => false,
    }
}

fn set(item: &mut Item, steps: &[Step<'_>], value: Value) -> Result<(), String> {
    match steps.split_last() {
        Some((Step::Name(name), [])) => item.insert(name, value),
        Some((last, parents)) => match (find_mut(item, parents), last) {
            (Some(Value::M(map)), Step::Name(name)) => map.insert(name, value),
            (Some(Value::L(list)), Step::Index(index)) => match list.get_mut(*index) {
                Some(there) => *there = value,
                None => list.push(value),
            },
            _ => return Err(INVALID_PATH.to_owned()),
        },
        None => return Err(INVALID_PATH.to_owned()),
    }
    Ok(())
}

fn remove(item: &mut Item, steps: &[Step<'_>]) {
    match steps.split_last() {
        Some((Step::Name(name), [])) => item.remove(name),
        Some((last, parents)) => match (find_mut(item, parents), last) {
            (Some(Value::M(map)), Step::Name(name)) => map.remove(name),
            (Some(Value::L(list)), Step::Index(index)) if *index < list.len() => drop(list.remove(*index)),
            _ => {}
        },
        None => {}
    }
}
