/** The loader that the build generates; it finds the addon of this platform. */
declare module '*/binding.cjs' {
  const binding: unknown;
  export default binding;
}
