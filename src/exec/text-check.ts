/** What text may be given to the operating system: shared by what a client sends and what a server accepts. */

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/** A lone surrogate has no UTF-8: a replacement character would take its place, and another command would run. */
export const hasLoneSurrogate = (text: string): boolean => LONE_SURROGATE.test(text)

/** The operating system ends a string at NUL, so what runs would not be what was asked for and allowed. */
export const isWritableText = (text: string): boolean => !text.includes('\0') && !hasLoneSurrogate(text)
