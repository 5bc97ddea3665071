/** The contract's models, by the names that the client uses. */

import type { components } from "../contract";

type Models = components["schemas"];

export type Card = Models["CardOut"];
export type Deck = Models["DeckOut"];
export type Location = Models["LocationOut"];
export type Subject = Models["SubjectOut"];
export type Project = Models["ProjectOut"];
export type Projects = Models["ProjectsOut"];
export type Workflow = Models["WorkflowOut"];
export type Pages = Models["PagesOut"];
export type Entry = Models["EntryOut"];
export type Progress = Models["ProgressOut"];
export type WorkflowProgress = Models["WorkflowProgressOut"];
export type Mine = Models["MyProjectOut"];
export type MyWorkflow = Models["MyWorkflowOut"];
export type Me = Models["MeOut"];
export type Board = Models["BoardOut"];
export type Candidates = Models["CandidatesOut"];
export type Created = Models["VolunteerCreatedOut"];
export type Session = Models["SessionOut"];
export type Account = Models["AccountOut"];
export type LoginBegun = Models["LoginBegunOut"];
export type Logins = Models["LoginsOut"];
export type OwnLogins = Models["OwnLoginsOut"];
export type Passkeys = Models["PasskeysOut"];
export type PasskeyOptions = Models["PasskeyOptionsOut"];
export type PasskeyAdded = Models["PasskeyAddedOut"];
export type Verdict = Models["VerdictOut"];
export type Verdicts = Models["VerdictsOut"];
export type Feedback = Models["FeedbackOut"];
export type Classification = Models["ClassificationIn"];
export type RetractionVerdicts = Models["RetractionVerdictsOut"];
export type PushKey = Models["PushKeyOut"];
export type PushSubscriptionReply = Models["PushSubscriptionOut"];
export type JoinedReply = Models["JoinedOut"];
export type ProblemDocument = Models["ProblemOut"];
export type Answer = Classification["answer"];
