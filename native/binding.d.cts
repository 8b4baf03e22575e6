/** The addon as it loads; `lib/native/` says what is in it. */
declare const binding: unknown;
export = binding;
