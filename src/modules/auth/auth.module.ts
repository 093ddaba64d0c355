import { Global, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Authenticator } from '../../platform/access/authenticator.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { ApiKeyEntity } from './api-key.entity.js';
import { ApiKeyUse } from './api-key-use.js';
import { ApiKeysController } from './api-keys.controller.js';
import { ApiKeysRepository } from './api-keys.repository.js';
import { ApiKeysService } from './api-keys.service.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { DatabaseAuthenticator } from './database.authenticator.js';
import { InvitationsController } from './invitations.controller.js';
import { LiveAccess } from './live-access.js';
import { LoginsEverywhere } from './logins-everywhere.js';
import { LoginsService } from './logins.service.js';
import { TokenSessionEntity } from './token-session.entity.js';
import { TokenSessionsRepository } from './token-sessions.repository.js';
import { TokenSessionsSweeper } from './token-sessions.sweeper.js';
import { Tokens } from './tokens.js';

/** Global for the one thing that all of the platform asks of it: who somebody is. */
@Global()
@Module({
  imports: [TypeOrmModule.forFeature([ApiKeyEntity, TokenSessionEntity]), JwtModule.register({}), TenantsModule],
  controllers: [AuthController, InvitationsController, ApiKeysController],
  providers: [
    ApiKeysRepository,
    ApiKeysService,
    ApiKeyUse,
    AuthService,
    LiveAccess,
    LoginsEverywhere,
    LoginsService,
    TokenSessionsRepository,
    TokenSessionsSweeper,
    Tokens,
    { provide: Authenticator, useClass: DatabaseAuthenticator },
  ],
  exports: [Authenticator],
})
export class AuthModule {}
