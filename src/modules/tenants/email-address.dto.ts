import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsAscii, IsEmail, MaxLength } from 'class-validator';

/** 254 is the longest address that SMTP can carry (RFC 5321 with its erratum 1690). */
const LONGEST = 254;

/**
 * An email address, brought to the one form it is stored and looked up in: trimmed and in lower case. Only ASCII
 * (an international domain as punycode), since two cases of a letter outside of it are not always one letter.
 */
export function IsAddress(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }): unknown => (typeof value === 'string' ? value.trim().toLowerCase() : value)),
    IsEmail(),
    IsAscii(),
    MaxLength(LONGEST),
    ApiProperty({ format: 'email', maxLength: LONGEST }),
  );
}

/** What to call somebody of whom nothing else is known. */
export function nameOf(email: string): string {
  return email.slice(0, email.indexOf('@'));
}
