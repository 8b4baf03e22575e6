//! Functions that JavaScript can call in some ten nanoseconds.
//!
//! A `#[napi]` class method costs about 350 ns, a function made with `napi_create_function` and a data
//! pointer 9 to 18 ns. So what runs once for each event (or each policy decision) is a *raw function*: up to
//! `N` numbers in, one number (or nothing) out, bound to native state shared by a group of functions.
//!
//! ```ignore
//! let state = shared(TokenBucket::new(config));
//! object.set("take", raw(&env, "take", &state, |bucket, [now]: [f64; 1]| bucket.take(now))?)?;
//! ```

use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use napi::bindgen_prelude::*;
use napi::{check_status, sys};

/// Native state that several raw functions of one object work on. It lives until the last of them is collected.
pub type Shared<T> = Rc<RefCell<T>>;

/// Puts `state` where raw functions can share it.
pub fn shared<T>(state: T) -> Shared<T> {
    Rc::new(RefCell::new(state))
}

/// What a raw function may answer.
pub trait RawReturn {
    /// The JavaScript value; null means `undefined`.
    fn into_raw(self, env: sys::napi_env) -> sys::napi_value;
}

impl RawReturn for () {
    #[inline]
    fn into_raw(self, _env: sys::napi_env) -> sys::napi_value {
        ptr::null_mut()
    }
}

impl RawReturn for f64 {
    #[inline]
    fn into_raw(self, env: sys::napi_env) -> sys::napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: `env` is the environment of the running callback; `value` is a valid place for the result.
        unsafe { sys::napi_create_double(env, self, &mut value) };
        value
    }
}

impl RawReturn for u32 {
    #[inline]
    fn into_raw(self, env: sys::napi_env) -> sys::napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: as above.
        unsafe { sys::napi_create_uint32(env, self, &mut value) };
        value
    }
}

impl RawReturn for bool {
    #[inline]
    fn into_raw(self, env: sys::napi_env) -> sys::napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: as above.
        unsafe { sys::napi_get_boolean(env, self, &mut value) };
        value
    }
}

struct Bound<T, R, const N: usize> {
    state: Shared<T>,
    call: fn(&mut T, [f64; N]) -> R,
}

/// Makes a JavaScript function of `call`, bound to `state`. Arguments that are missing or no numbers arrive as NaN.
///
/// `call` must not call into JavaScript: the state is borrowed while it runs. A panic becomes a JavaScript `Error`.
pub fn raw<'env, T: 'static, R: RawReturn + 'static, const N: usize>(
    env: &Env,
    name: &'static str,
    state: &Shared<T>,
    call: fn(&mut T, [f64; N]) -> R,
) -> Result<Unknown<'env>> {
    let bound = Box::into_raw(Box::new(Bound {
        state: Rc::clone(state),
        call,
    }));
    let mut function = ptr::null_mut();
    // SAFETY: `bound` stays valid until `release` frees it, and `release` runs only when V8 collects the
    // function that holds it, or when the environment ends: in both cases no call can follow.
    unsafe {
        check_status!(sys::napi_create_function(
            env.raw(),
            name.as_ptr().cast(),
            name.len() as isize,
            Some(trampoline::<T, R, N>),
            bound.cast(),
            &mut function,
        ))?;
        check_status!(sys::napi_add_finalizer(
            env.raw(),
            function,
            bound.cast(),
            Some(release::<T, R, N>),
            ptr::null_mut(),
            ptr::null_mut(),
        ))?;
        Unknown::from_napi_value(env.raw(), function)
    }
}

unsafe extern "C" fn trampoline<T, R: RawReturn, const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let mut count = N;
    let mut values = [ptr::null_mut(); N];
    let mut data: *mut c_void = ptr::null_mut();
    let mut numbers = [f64::NAN; N];
    // SAFETY: Node passes a valid `env` and `info`; the arrays have room for `N` values; absent arguments are
    // filled with `undefined`, for which `napi_get_value_double` fails and leaves the NaN. `data` is the `Bound`
    // that `raw` attached, alive as long as the function that is being called.
    let bound = unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &mut count,
            values.as_mut_ptr(),
            ptr::null_mut(),
            &mut data,
        );
        for (number, value) in numbers.iter_mut().zip(values) {
            sys::napi_get_value_double(env, value, number);
        }
        &*data.cast::<Bound<T, R, N>>()
    };
    match catch_unwind(AssertUnwindSafe(|| {
        (bound.call)(&mut bound.state.borrow_mut(), numbers)
    })) {
        Ok(answer) => answer.into_raw(env),
        Err(panic) => throw_panic(env, panic.as_ref()),
    }
}

#[cold]
fn throw_panic(env: sys::napi_env, panic: &(dyn std::any::Any + Send)) -> sys::napi_value {
    let text = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".into());
    let message = format!("kodus-flow: internal error in the native core: {text}\0");
    // SAFETY: both strings end with NUL; `env` is the environment of the running callback.
    unsafe { sys::napi_throw_error(env, c"INTERNAL_ERROR".as_ptr(), message.as_ptr().cast()) };
    ptr::null_mut()
}

unsafe extern "C" fn release<T, R, const N: usize>(
    _env: sys::napi_env,
    data: *mut c_void,
    _hint: *mut c_void,
) {
    // SAFETY: `data` is the box that `raw` leaked; finalizers run exactly once.
    drop(unsafe { Box::from_raw(data.cast::<Bound<T, R, N>>()) });
}
