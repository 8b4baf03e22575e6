/** The build scripts are plain JavaScript; these are the parts that tests use. */
declare module '*/scripts/entries.mjs' {
  export const ROOT: string;
  export const ENTRIES: Record<string, string>;
  export const nativeLoader: object;
}
declare module '*/scripts/util/names.mjs' {
  export function exportedNames(
    entries: Record<string, string>,
    plugins: object[],
  ): Promise<Record<string, { values: string[]; types: string[] }>>;
}
