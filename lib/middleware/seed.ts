/** A whole number to seed the core's jitter with. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 2 ** 52);
}
