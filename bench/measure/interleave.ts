/**
 * Runs contenders in turn, A B C A B C …, so that whatever else the machine does hits all of them alike, and ratios can be
 * taken between neighbours.
 */

export interface InterleaveOptions<Member> {
  readonly warmups: number
  readonly rounds: number
  /** One turn. A member whose turn rejects gets no further one. */
  readonly turn: (member: Member, isCounted: boolean) => Promise<void>
  readonly onFailure: (member: Member, error: unknown) => void
}

export async function interleave<Member>(
  members: readonly Member[],
  { warmups, rounds, turn, onFailure }: InterleaveOptions<Member>,
): Promise<void> {
  const failed = new Set<Member>()
  for (let round = -warmups; round < rounds; round += 1) {
    for (const member of members) {
      if (failed.has(member)) continue
      try {
        await turn(member, round >= 0)
      } catch (error) {
        failed.add(member)
        onFailure(member, error)
      }
    }
  }
}
