/** The superadmin of every application under test. */
export const ADMIN = { email: 'admin@example.com', password: 'a long admin password' };
