import { hash, verify } from '@node-rs/argon2';

/** Argon2id, the library's default kind, with the OWASP Password Storage Cheat Sheet's first choice for one thread. */
export const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Of a random text nobody knows: verifying against it takes as long as against a user's and always fails. */
export const NOBODYS_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$pkZbWnaR80C01xq8gHXH1Q$FbmsJXBBtVet6BajQubBvwJgX6Ni4LHhixLyNKxsJ7Q';

/** Hashing takes about 10 ms in the thread pool; the event loop stays free. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, COST);
}

/** Takes the same time when there is no hash to compare with. */
export async function passwordMatches(password: string, passwordHash: string | null): Promise<boolean> {
  const matches = await verify(passwordHash ?? NOBODYS_HASH, password);
  return matches && passwordHash !== null;
}
