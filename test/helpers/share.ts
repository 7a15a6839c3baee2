/**
 * How much of an amount a test is to move or do: all of it, unless the environment says a smaller share (`TEST_SHARE`), as where the same
 * tests are run again on another version of Node.
 */
export const shareOf = (amount: number): number => Math.ceil(amount * Number(process.env.TEST_SHARE ?? 1))
