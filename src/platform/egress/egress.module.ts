import { Global, Module } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { AddressRules } from './address-rules.js';
import { GuardedFetch } from './guarded-fetch.js';
import { GuardedNames } from './guarded-names.js';

@Global()
@Module({
  providers: [
    { provide: AddressRules, inject: [Settings], useFactory: ({ egress }: Settings) => new AddressRules(egress.allow) },
    { provide: GuardedNames, inject: [AddressRules], useFactory: (rules: AddressRules) => new GuardedNames(rules) },
    {
      provide: GuardedFetch,
      inject: [AddressRules, GuardedNames],
      useFactory: (rules: AddressRules, names: GuardedNames) => new GuardedFetch(rules, names),
    },
  ],
  exports: [AddressRules, GuardedNames, GuardedFetch],
})
export class EgressModule {}
