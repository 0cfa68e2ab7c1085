# Every fixed string of a mail, in English. A key added here must be added in the other languages too: a test compares keys
# and variables. All strings are plain text, never HTML.

# Dates and times

month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
weekday-1 = Monday
weekday-2 = Tuesday
weekday-3 = Wednesday
weekday-4 = Thursday
weekday-5 = Friday
weekday-6 = Saturday
weekday-7 = Sunday
date = { $day } { $month } { $year }
date-long = { $weekday } { $day } { $month } { $year }
date-and-time = { $date }, { $time }
clocks-change = The clocks change during this time.
minutes =
    { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
hours =
    { $count ->
        [one] { $count } hour
       *[other] { $count } hours
    }
days =
    { $count ->
        [one] { $count } day
       *[other] { $count } days
    }
and = and

# On every mail

greeting = Hello { $name },
greeting-blank = Hello,
label-reference = Reference
reference-note = Please quote the reference { $reference } if you contact us.

# Footer

footer-heading = About this message
footer-sender = Sent by { $organisation }, { $address }.
footer-registration = Registration number: { $number }.
footer-seat = Registered office: { $seat }.
footer-why = You receive this as { $role } for { $customer } (account { $account }), which gave us your contact details.
role-service = a service contact
role-security = a security contact
role-technical = a technical contact
role-legal = a legal contact
role-billing = a billing contact
footer-successor = Not the right person any more? Tell us who is:
footer-objection = You may, however, object on grounds relating to your particular situation (GDPR Article 21(1)). Write to:
footer-optional-news = You may object to receiving news from us at any time, without giving a reason (GDPR Article 21).
footer-optional-survey = You may object to receiving surveys from us at any time, without giving a reason (GDPR Article 21).
footer-unsubscribe-news = Unsubscribe from news
footer-unsubscribe-survey = Unsubscribe from surveys
footer-privacy = Questions about personal data:
footer-privacy-notice = How we handle personal data:
footer-authority = You can lodge a complaint with the supervisory authority: { $authority }.

# Legal bases. The basis is what permits us to use the address (GDPR Article 6); the duty is why there is a notice at all.

basis-security_breach = Legal basis: a legal obligation (GDPR Article 6(1)(c)).
basis-security_breach-suspected = Legal basis: our legitimate interest in warning you early (GDPR Article 6(1)(f)).
basis-disruption = Legal basis: our legitimate interest in keeping you informed about the services you use (GDPR Article 6(1)(f)).
basis-maintenance = Legal basis: our legitimate interest in keeping you informed about the services you use (GDPR Article 6(1)(f)).
basis-agreement_change = Legal basis: if you are the customer yourself, our contract with you (GDPR Article 6(1)(b)); otherwise our legitimate interest in informing the contact the customer has named (Article 6(1)(f)).
basis-security_measures_change = Legal basis: our legitimate interest in keeping you informed about how your data is protected (GDPR Article 6(1)(f)).
basis-billing = Legal basis: if you are the customer yourself, our contract with you (GDPR Article 6(1)(b)); otherwise our legitimate interest in sending invoices to the contact the customer has named (Article 6(1)(f)).
basis-news = Legal basis: our legitimate interest in informing customers about our services (GDPR Article 6(1)(f)).
basis-survey = Legal basis: our legitimate interest in improving our services (GDPR Article 6(1)(f)).

duty-processor_breach = Our duty: a processor must notify the controller of a personal data breach (Article 33(2)).
duty-controller_breach = Our duty: a controller must inform the people concerned of a personal data breach that is likely to put them at high risk (Article 34).
duty-security = Our duty: to keep processing secure (Article 32(1)).
duty-security_measures = Our duties: to keep processing secure (Article 32(1)), and those of a processor (Article 28).
duty-sub_processor = Our duty: a processor must announce a change of sub-processors, so that the controller can object (Article 28(2)).
duty-data_processing = Our duty: processing on behalf of a customer must be governed by a contract (Article 28(3)).
duty-billing = Our duty: accounting law requires us to issue and store invoices (Article 6(1)(c)).

refusal-security_breach = You cannot opt out of these notices: the law requires us to send them.
refusal-security_breach-suspected = You cannot opt out of these notices: you must be able to act in time.
refusal-disruption = You cannot opt out of these notices: you must be able to act when a service you rely on fails.
refusal-maintenance = You cannot opt out of these notices: you must be able to prepare for work on a service you rely on.
refusal-agreement_change = You cannot opt out of these notices: you must know the terms that apply, and your rights when they change.
refusal-security_measures_change = You cannot opt out of these notices: you must be able to judge how your data is protected.
refusal-billing = You cannot opt out of these notices: they are part of invoicing.

# Security breach

security_breach-label-suspected = Possible personal data breach
security_breach-label-confirmed = Personal data breach
security_breach-label-update = Personal data breach: update
security_breach-label-final = Personal data breach: final notice
security_breach-subject-suspected = Possible personal data breach: { $reference }
security_breach-subject = Personal data breach: { $reference }
security_breach-heading-suspected = Possible personal data breach: { $reference }
security_breach-heading-confirmed = Personal data breach: { $reference }
security_breach-heading-update = Update on personal data breach: { $reference }
security_breach-heading-final = Final notice of personal data breach: { $reference }
security_breach-lead-controller-suspected = We are investigating a security incident in which your personal data may have been affected. This is not confirmed. We are informing you now so that you can protect yourself, and will write again as soon as we know more.
security_breach-lead-controller-confirmed = A security incident has affected your personal data. This notice explains what happened, what it may lead to, what we are doing about it and what you can do.
security_breach-lead-controller-update = We know more about the security incident of which we informed you earlier. This notice replaces what we wrote then.
security_breach-lead-controller-final = Our investigation of the security incident of which we informed you earlier is complete. This is our final notice about it.
security_breach-lead-processor-suspected = We are investigating a security incident in which personal data that we process on your behalf may have been affected. This is not confirmed. We are informing you now so that you can prepare, and will write again as soon as a breach is confirmed or ruled out.
security_breach-lead-processor-confirmed = A security incident has affected personal data that we process on your behalf. As your processor, we are notifying you as the controller (GDPR Article 33(2)).
security_breach-lead-processor-update = We know more about the security incident of which we notified you earlier. This notice replaces what we wrote then; please check whether it changes anything you have reported as the controller (GDPR Article 33(4)).
security_breach-lead-processor-final = Our investigation of the security incident of which we notified you earlier is complete. This is our final notice about it; please check whether it changes anything you have reported as the controller (GDPR Article 33(4)).
security_breach-stage = Stage
security_breach-stage-suspected = Suspected, not confirmed
security_breach-stage-confirmed = Confirmed
security_breach-stage-update = Update
security_breach-stage-final = Investigation complete
security_breach-discovered = Discovered
security_breach-occurred-from = Began
security_breach-occurred-until = Ended
security_breach-data = Data affected
security_breach-data-suspected = Data that may be affected
security_breach-nature = What happened
security_breach-nature-suspected = What we know so far
security_breach-consequences = What it may lead to
security_breach-measures = What we have done and are doing
security_breach-actions = What you should do
security_breach-duties = Your duties as the controller
security_breach-duties-suspected = Nothing is confirmed yet. If a breach is confirmed, you may have to notify your supervisory authority within 72 hours (GDPR Article 33(1)). You will then receive what you need for that from us without undue delay.
security_breach-duties-confirmed = You must notify your supervisory authority without undue delay and, where feasible, within 72 hours of becoming aware of the breach, unless it is unlikely to put people at risk (GDPR Article 33(1)). If the risk to them is likely to be high, you must also inform the people concerned (Article 34). This notice contains what we know of what Article 33(3) asks for: the nature of the breach and the data affected, the likely consequences, the measures taken, and a contact point. Anything missing may be supplied later (Article 33(4)); we will send it as soon as we have it.
security_breach-contact = Where to get more information

# Disruption

disruption-label-possible = Possible disruption
disruption-label-investigating = Disruption: being investigated
disruption-label-identified = Disruption: cause found
disruption-label-monitoring = Disruption: being monitored
disruption-label-resolved = Disruption: resolved
disruption-subject-possible = Possible disruption of { $services }
disruption-subject = Disruption of { $services }
disruption-heading-possible = Possible disruption of { $services }
disruption-heading-investigating = Disruption of { $services }: we are investigating
disruption-heading-identified = Disruption of { $services }: cause found, fix in progress
disruption-heading-monitoring = Disruption of { $services }: fixed, we are monitoring
disruption-heading-resolved = Disruption of { $services }: resolved
disruption-opening = Status: { $status }.
disruption-opening-changed = Status: { $status }. Before: { $before }.
disruption-opening-resolved = Resolved after { $duration }.
disruption-lead-possible = Services that you use may be disrupted. It is not certain that they will be; we are informing you now so that you can prepare.
disruption-lead-investigating = Something is not working as it should. We do not know the cause yet and are looking for it.
disruption-lead-identified = We know the cause of the disruption and are working on a fix.
disruption-lead-monitoring = The fix is in place. We are monitoring the service before we call the disruption over.
disruption-lead-resolved = The disruption is over and the service works as it should.
disruption-status = Status
disruption-status-possible = Possible, not confirmed
disruption-status-investigating = Being investigated
disruption-status-identified = Cause found, fix in progress
disruption-status-monitoring = Fixed, being monitored
disruption-status-resolved = Resolved
disruption-services = Services
disruption-started = Started
disruption-started-possible = Risk since
disruption-resolved = Resolved
disruption-duration = Duration
disruption-next-update = Next update
disruption-next-update-by = By { $time }
disruption-impact = What you may notice
disruption-impact-resolved = What was affected
disruption-workaround = What you can do in the meantime

# Maintenance

maintenance-label-announced = Planned maintenance
maintenance-label-rescheduled = Maintenance: new time
maintenance-label-cancelled = Maintenance: cancelled
maintenance-label-started = Maintenance: started
maintenance-label-completed = Maintenance: completed
calendar-name = Maintenance: { $organisation }
maintenance-subject = Maintenance of { $services }
maintenance-heading-announced = Planned maintenance of { $services }: { $when }
maintenance-heading-rescheduled = New time for maintenance of { $services }: { $when }
maintenance-heading-cancelled = Cancelled: maintenance of { $services } on { $when }
maintenance-heading-started = Maintenance of { $services } has started
maintenance-heading-completed = Maintenance of { $services } is complete
maintenance-opening-announced = Planned for { $when }.
maintenance-opening-reminder = Reminder: planned for { $when }.
maintenance-opening-moved = Moved from { $before } to { $when }.
maintenance-opening-end_moved = The end has moved from { $before } to { $when }.
maintenance-opening-cancelled = Cancelled: the maintenance planned for { $when } will not take place.
maintenance-opening-started = Started. The planned end is { $when }.
maintenance-opening-completed = Completed.
maintenance-opening-completed_early = Completed early. The planned end was { $when }.
maintenance-lead-announced = We will carry out planned maintenance on services that you use.
maintenance-lead-rescheduled = Maintenance that we announced earlier has moved to another time. Please note the new time below.
maintenance-lead-cancelled = Maintenance that we announced will not take place. You do not need to do anything.
maintenance-lead-started = The maintenance that we announced has started.
maintenance-lead-completed = The maintenance is complete. If something does not work as before, please contact us.
maintenance-when = When
maintenance-when-rescheduled = New time
maintenance-when-cancelled = Was planned for
maintenance-previous = Previous time
maintenance-no-longer = No longer applies.
maintenance-cancelled-note = Will not take place.
maintenance-duration = Duration
maintenance-services = Services
maintenance-impact = What you may notice
maintenance-impact-cancelled = What this would have affected
maintenance-impact-completed = What was affected
maintenance-impact-level = Expected effect
maintenance-impact-level-no_impact = None
maintenance-impact-level-reduced_redundancy = Reduced redundancy
maintenance-impact-level-degraded = Degraded service
maintenance-impact-level-outage = Outage
maintenance-action = What you need to do

# Agreement change

agreement_change-label-terms = Agreement change: terms
agreement_change-label-price = Agreement change: prices
agreement_change-label-data_processing = Agreement change: data processing
agreement_change-label-sub_processor = Agreement change: sub-processors
agreement_change-label-other = Agreement change
agreement_change-subject-terms = New terms from { $date }: { $document }
agreement_change-subject-price = New prices from { $date }: { $document }
agreement_change-subject-data_processing = New data processing terms from { $date }: { $document }
agreement_change-subject-sub_processor = Change of sub-processors from { $date }: { $document }
agreement_change-subject-other = { $document } changes on { $date }
agreement_change-lead-terms = We are changing the terms between us. Here is what changes, what you can do if you do not agree, and the full text.
agreement_change-lead-price = We are changing our prices. Here is what changes, what you can do if you do not agree, and the full text.
agreement_change-lead-data_processing = We are changing the agreement on how we process personal data on your behalf. Here is what changes, what you can do if you do not agree, and the full text.
agreement_change-lead-sub_processor = We plan to change the sub-processors that process personal data on your behalf. As the controller, you may object before the change takes effect (GDPR Article 28(2)).
agreement_change-lead-other = We are changing an agreement between us. Here is what changes, what you can do if you do not agree, and the full text.
agreement_change-document = Document
agreement_change-version = New version
agreement_change-effective = Takes effect
agreement_change-right-until = Object or terminate by
agreement_change-right-until-sub_processor = Object by
agreement_change-summary = What changes
agreement_change-right = Your right to object or terminate
agreement_change-right-sub_processor = Your right to object
agreement_change-right-date = You can use this right until and including { $date }.
agreement_change-text = The full text

# Security measures change

security_measures_change-label = Security measures change
security_measures_change-subject = Security measure changes on { $date }: { $measure }
security_measures_change-lead = We are changing a measure that protects the data you store with us.
security_measures_change-measure = Measure
security_measures_change-kind = Type of change
security_measures_change-kind-technical = Technical
security_measures_change-kind-organisational = Organisational
security_measures_change-effective = Takes effect
security_measures_change-change = What changes
security_measures_change-effect = What it means for you

# Billing

billing-label = Invoice
billing-subject = Invoice { $invoice }: { $amount } { $currency }, due { $date }
billing-lead = Here are the details of your invoice.
billing-invoice = Invoice number
billing-period = Period
billing-amount = Amount
billing-due = Due date
billing-payment-reference = Payment reference

# News

news-label = News

# Survey

survey-label = Survey
survey-subject = Your opinion, please: { $question }
survey-heading = Your opinion, please
survey-question = Our question
survey-closes = Closes
survey-button = Answer the survey
survey-voluntary = Taking part is voluntary.

# The page behind the unsubscribe link

preferences-title = What we may send you
preferences-intro = These choices are for { $address }, for every customer account you are a contact of. Untick what you do not want to receive.
preferences-saved = Your choices are saved.
preferences-news = News about our services
preferences-survey = Surveys
preferences-save = Save
preferences-mandatory = Notices we must send, such as those about maintenance, disruptions, agreement changes, security and invoices, are not affected.
link-gone-title = This link is no longer valid
link-gone-text = It is incomplete, or the message it came from is no longer on record. To stop receiving news or surveys, write to { $contact }.
link-unclear-title = Nothing was changed
link-unclear-text = The request did not say what you want. Open the link in your message and choose there.
link-often-title = Too many changes
link-often-text = The choices for this address were changed many times in the last hour. What you declined was saved, what you accepted was not. Please try again in an hour. You can opt out at any time.
link-failed-title = Something went wrong
link-failed-text = Nothing was changed. Please try again later.

# The console. Each section belongs to some of its pages.

## Console: frame

console-thousands = ","
console-decimal = .
console-percent = { $number }%
console-language = English
console-skip = Skip to the content
console-nav = Places
console-nav-now = Now
console-nav-notices = Notices
console-nav-ask = Was it said?
console-nav-tasks = Tasks
console-nav-customers = Customers
console-nav-people = People’s rights
console-nav-preferences = Preferences
console-nav-suppressions = Suppressions
console-nav-inbound = What came back
console-nav-relays = Relays
console-nav-ledger = Ledger
console-nav-operators = Operators
console-nav-keys = Keys
console-nav-webhooks = Webhooks
console-nav-audit = Audit log
console-nav-me = My account
console-sign-out = Sign out
console-next-page = Next page
console-problems =
    { $count ->
        [one] There is a problem
       *[other] There are { $number } problems
    }
console-refusal-invalid-title = This is not possible
console-refusal-invalid-remedy = Go back, correct it and try again. Nothing was changed.
console-refusal-refused-title = This was refused
console-refusal-refused-remedy = A rule stands against it. Nothing was changed.
console-refusal-not-found-title = There is no such page
console-refusal-not-found-remedy = The address may be mistyped, or what it names was deleted.
console-refusal-conflict-title = Somebody was faster
console-refusal-conflict-remedy = It was changed in the meantime. Look at how it is now, then decide again.
console-refusal-unauthenticated-title = You are not signed in
console-refusal-unauthenticated-remedy = Sign in and try again.
console-refusal-forbidden-title = Your roles do not allow this
console-refusal-forbidden-remedy = Ask a colleague with the role, or an admin to give it to you.
console-refusal-later-title = Not at the moment
console-refusal-later-remedy = The database is busy or does not answer. Nothing was changed: try again in a moment.
console-refusal-failed-title = Something went wrong
console-refusal-failed-remedy = It is in the log. Nothing was lost: try again, and show an admin if it happens again.

## Console: sign-in

console-sign-in-title = Sign in
console-sign-in-name = Name
console-sign-in-name-hint = As an admin has added you
console-sign-in-password = Password
console-sign-in-button = Sign in
console-sign-in-wrong = The name or the password is wrong. If you have no password yet, or have forgotten it, ask an admin for an invitation.
console-sign-in-often = There were too many attempts. Wait { $seconds } seconds, then try again.
console-sign-in-again = Please sign in again: your session has ended.
console-sign-in-provider = Sign in with { $name }
console-sign-in-provider-failed = The sign-in at the provider did not work. Try again, or ask an admin.
console-code-title = Confirm that it is you
console-code-text = Open your authenticator app and type the code that it shows for { $organisation }.
console-code-code = Code
console-code-hint = Six digits, or one of your recovery codes
console-code-button = Continue
console-code-wrong = This code is wrong or was used before. Wait for the next one and type that.
console-code-other = Sign in as somebody else
console-factor-title = Set up a second factor
console-factor-text = Your roles need a second factor: a code from an app beside your password. Scan the picture with an authenticator app, then type the code that it shows.
console-factor-secret = Or type this key into the app
console-factor-picture = QR code of the key below
console-factor-former = Code of the present device
console-factor-former-hint = Or one of your recovery codes
console-factor-button = Confirm
console-factor-wrong = This is not the code of this key. Check that the clock of your device is right, and type the code that the app shows now.
console-recovery-title = Keep your recovery codes
console-recovery-text = Each of these works once in place of a code, if you have lost your device. They are shown only now: print them or put them into a password manager.
console-recovery-button = I have kept them
console-recovery-left =
    { $count ->
        [0] No recovery code is left
        [one] { $number } recovery code is left
       *[other] { $number } recovery codes are left
    }
console-invite-title = Welcome, { $name }
console-invite-text = Choose a password. Length is what counts: several words that only you would put together.
console-invite-password = Password
console-invite-password-hint = At least 12 characters
console-invite-again = Password again
console-invite-button = Set the password
console-invite-gone-title = This invitation is not valid any more
console-invite-gone-text = An invitation works once, and for 24 hours. Ask an admin for another one.
console-password-short = The password has fewer than 12 characters.
console-password-long = The password has more than 256 characters.
console-password-common = This password is among the first that an attacker tries. Take several words that only you would put together.
console-password-differs = This is not the same password as the one above.
console-lost-title = You are not signed in any more
console-lost-text = Nothing was saved, and nothing that you typed is lost: it is below. Sign in in another tab, then send it again from here.
console-lost-again = Send it again
console-lost-sign-in = Sign in in another tab
console-lost-large = The form was too large to be kept. Go back in your browser: most keep what was typed.

## Console: my account

console-me-title = My account
console-me-name = Name
console-me-roles = Roles
console-me-email = Email
console-me-language-title = Language and time zone
console-me-language = Language
console-me-language-default = The organisation’s
console-me-zone = Time zone
console-me-zone-hint = Such as Europe/Stockholm; empty for the organisation’s, { $zone }
console-me-save = Save
console-me-saved = Your language and time zone are saved.
console-me-password-title = Password
console-me-password-present = Present password
console-me-password-new = New password
console-me-password-button = Change the password
console-me-password-saved = Your password is changed. Your other sessions were ended.
console-me-password-wrong = This is not your present password.
console-me-password-none = You sign in at a provider and have no password here.
console-me-factor-title = Second factor
console-me-factor-on = Set up on { $date }
console-me-factor-off = Not set up
console-me-factor-set = Set up a second factor
console-me-factor-replace = Set up another device
console-me-codes = Make new recovery codes
console-me-sessions-title = Sessions
console-me-sessions-text = Where you are signed in. End what you do not know, then change your password.
console-me-session-begun = Signed in
console-me-session-seen = Last used
console-me-session-where = From
console-me-session-this = This one
console-me-session-end = End
console-me-session-ended = The session is ended.
console-me-sessions-end = End all others
console-me-sessions-ended = All other sessions are ended.

## Console: notices

console-category-security-breach = Breach of personal data
console-category-disruption = Disruption
console-category-maintenance = Maintenance
console-category-agreement-change = Change of an agreement
console-category-security-measures-change = Change of a security measure
console-category-billing = Invoice
console-category-news = News
console-category-survey = Survey
console-category-about-security-breach = Personal data was lost, changed, or seen by somebody who must not. Stays sealed until its release.
console-category-about-disruption = A service does not work as it should, or may not. Goes out before all others.
console-category-about-maintenance = Planned work in a time window, with its phases from announced to completed.
console-category-about-agreement-change = New terms, prices, an agreement or a sub-processor, with the right to object or terminate.
console-category-about-security-measures-change = A technical or organisational measure changes, and what that means for the customer.
console-category-about-billing = An invoice, to billing contacts only.
console-category-about-news = What is new. Goes only to those who have not opted out.
console-category-about-survey = A question with a link. Goes only to those who have not opted out.
console-class-mandatory = Must be sent: nobody can opt out
console-class-optional = May be sent: recipients can opt out
console-notice-state-draft = Draft
console-notice-state-submitted = Waits for approval
console-notice-state-approved = Approved
console-notice-state-scheduled = Scheduled
console-notice-state-releasing = Being released
console-notice-state-released = Being sent
console-notice-state-closed = Closed
console-notice-state-declined = Declined
console-notice-state-cancelled = Cancelled
console-delivery-state-queued = Waits to be sent
console-delivery-state-sending = Being sent
console-delivery-state-deferred = Not accepted yet, is retried
console-delivery-state-accepted = Accepted by the mail server
console-delivery-state-delivered = Delivered, says the mail server
console-delivery-state-bounced = Returned
console-delivery-state-rejected = Refused
console-delivery-state-expired = Not accepted in time
console-delivery-state-uncertain = Perhaps accepted
console-delivery-state-suppressed = Not sent: suppressed
console-delivery-state-opted-out = Not sent: opted out
console-delivery-state-cancelled = Not sent: cancelled
console-verdict-informed = Informed
console-verdict-pending = Not decided yet
console-verdict-not-informed = Not informed
console-verdict-cannot-be = Nobody to address
console-verdict-not-addressed = Not in the audience
console-verdict-not-released = Not released
console-level-relayed = Our relay took it
console-level-accepted-by-mx = The recipient’s own mail server took it
console-level-operator-found = Found out by an operator
console-level-dsn-delivered = The mail server reported the delivery
console-level-attested = A person’s word
console-level-acknowledged = Confirmed by the customer
console-channel-phone = By phone
console-channel-letter = By letter
console-channel-in-person = In person
console-channel-other = In another way
console-task-about-not-informed = Customers who are not informed
console-task-about-overdue = The deadline has passed
console-task-about-weak-match = Reports that match only in part
console-task-about-contradiction = Reports that contradict each other
console-task-about-left-company = Persons who have left
console-task-about-new-address = New addresses
console-task-about-unread = Mail that cannot be read
console-task-about-unforwarded = Replies that were not forwarded
console-task-about-stale-directory = Customers that are out of date
console-task-about-webhook-failed = Webhooks that fail
console-task-about-promise = Promises that fall due

console-notices-title = Notices
console-notices-write = Write a notice
console-notices-state = State
console-notices-category = Category
console-notices-reference = Reference
console-notices-any = Any
console-notices-filter = Show
console-notices-unfilter = Show all
console-notices-none = No notice was written yet.
console-notices-none-such = No notice fits this.
console-notices-subject = Subject
console-notices-when = Time
console-notices-author = Author
console-notices-recipients = Recipients
console-notices-due = Due
console-notices-created = Written
console-notices-overdue = Its time has come, and nobody has released it

console-notice-next = What is next
console-notice-waits-draft = It is not submitted yet: nobody receives it.
console-notice-waits-submitted = It waits for the approval of a second person.
console-notice-waits-submitted-own = It waits for the approval of a second person: you wrote it, so that has to be somebody else.
console-notice-waits-approved = It is approved, and nobody has released it yet.
console-notice-waits-overdue = It is approved and its time has come, but nobody has released it.
console-notice-waits-scheduled = It will be released at its time by itself.
console-notice-waits-releasing = Its recipients are being listed. Nothing is sent before that is complete.
console-notice-waits-released = It is being sent.
console-notice-waits-paused = Its sending is paused: nothing more goes out until somebody resumes it.
console-notice-waits-closed = Every delivery has its outcome. What comes back later is still recorded.
console-notice-waits-declined = It was declined. Whoever edits it makes it a draft again.
console-notice-waits-cancelled = It was cancelled. What was not sent is not sent.
console-notice-changed = Since the approval its recipients have changed: { $then } then, { $now } now.
console-notice-follow = Write the next one
console-notice-copy = Copy it
console-notice-about = About it
console-notice-whom = Goes to
console-notice-class = Kind
console-notice-languages = Languages
console-notice-approved-by = Approved by
console-notice-released = Released
console-notice-closed = Closed
console-notice-follows = Continues
console-notice-escalation = If a customer is not informed
console-notice-escalation-after = After { $after }
console-notice-escalation-task = a task for a person
console-notice-digest = Digest
console-notice-content = What it says
console-notice-source = As it was written
console-notice-steps = Who did what
console-notice-tasks = Tasks that it has left
console-whom-all = All customers
console-whom-some = Customers with certain attributes, or single ones
console-whom-rows = The customers in a file
console-whom-nobody = Nobody yet: recipients are added after the release
console-whom-followed = The customers of the notice that it continues
console-whom-named =
    { $count ->
        [one] { $number } customer by account
       *[other] { $number } customers by account
    }

console-step-submit = Submit for approval
console-step-approve = Approve
console-step-decline = Decline
console-step-release = Release
console-step-pause = Pause
console-step-resume = Resume
console-step-cancel = Cancel it
console-step-close = End it
console-step-edit = Edit
console-step-title-submit = Submit for approval?
console-step-title-approve = Approve this notice?
console-step-title-decline = Decline this notice?
console-step-title-release = Release this notice?
console-step-title-pause = Pause the sending?
console-step-title-resume = Resume the sending?
console-step-title-cancel = Cancel this notice?
console-step-title-close = End this standing notice?
console-step-done-create = Written by
console-step-done-edit = Edited by
console-step-done-submit = Submitted by
console-step-done-approve = Approved by
console-step-done-decline = Declined by
console-step-done-release = Released by
console-step-done-pause = Paused by
console-step-done-resume = Resumed by
console-step-done-cancel = Cancelled by
console-step-done-close = Ended by
console-step-refused-create = Refused, to be written by
console-step-refused-edit = Refused, to be edited by
console-step-refused-submit = Refused, to be submitted by
console-step-refused-approve = Refused, to be approved by
console-step-refused-decline = Refused, to be declined by
console-step-refused-release = Refused, to be released by
console-step-refused-pause = Refused, to be paused by
console-step-refused-resume = Refused, to be resumed by
console-step-refused-cancel = Refused, to be cancelled by
console-step-refused-close = Refused, to be ended by
console-step-taken-submit = The notice is submitted.
console-step-taken-approve = The notice is approved.
console-step-taken-decline = The notice is declined.
console-step-taken-release = The notice is released.
console-step-taken-pause = The sending is paused.
console-step-taken-resume = The sending goes on.
console-step-taken-cancel = The notice is cancelled.
console-step-taken-close = The standing notice is ended.
console-consequence-submit = A second person decides about it, if its category asks for one; else it is approved at once. Nothing is sent yet.
console-consequence-approve = You approve exactly what you see here: whatever is changed afterwards needs another approval. Nothing is sent before somebody releases it.
console-consequence-decline = Its author sees your reason, and can change it and submit it again. Nothing is sent.
console-consequence-release = Its recipients are listed now, and the sending begins at once. What was sent cannot be taken back.
console-consequence-release-later = It is scheduled: its recipients are listed at its time, and the sending begins then.
console-consequence-release-now = It is released now instead of at its time. What is sent cannot be taken back.
console-consequence-pause =
    { $count ->
        [0] Nothing more is sent until somebody resumes it. Nothing waits at the moment.
        [one] Nothing more is sent until somebody resumes it: { $number } delivery waits meanwhile.
       *[other] Nothing more is sent until somebody resumes it: { $number } deliveries wait meanwhile.
    }
console-consequence-resume =
    { $count ->
        [0] The sending goes on. Nothing waits at the moment.
        [one] The sending goes on: { $number } delivery waits.
       *[other] The sending goes on: { $number } deliveries wait.
    }
console-consequence-cancel = It ends for good: it can be copied, but never be released.
console-consequence-cancel-sending =
    { $count ->
        [0] It ends for good. Nothing waits to be sent at the moment; what was sent is not taken back.
        [one] It ends for good: { $number } delivery that was not sent is never sent. What was sent is not taken back.
       *[other] It ends for good: { $number } deliveries that were not sent are never sent. What was sent is not taken back.
    }
console-consequence-close = Nobody can be added any more. Those who were added still receive it.
console-step-reason = Reason
console-step-reason-hint-submit = For the record, in one line
console-step-reason-hint-approve = For the record, in one line, if there is something to say
console-step-reason-hint-decline = What its author should change, in one line
console-step-reason-hint-release = For the record, in one line, if there is something to say
console-step-reason-hint-pause = For your colleagues, in one line
console-step-reason-hint-resume = For your colleagues, in one line
console-step-reason-hint-cancel = For the record, in one line
console-step-reason-hint-close = For the record, in one line
console-step-reason-missing = Reason: write what its author should change.
console-step-release-at-once = Release it now, and do not wait for its time
console-step-not = Not now
console-step-back = Back to the notice
console-step-stale = This is not possible any more, or was done already. The notice is now in this state:
console-step-reach = { $recipients } addresses at { $customers } customers
console-step-reaches-nobody = It reaches nobody at present
console-step-differs = What differs from the notice that it continues
console-step-unaddressed = Customers with nobody to address, such as

console-coverage-title = Who is informed
console-coverage-informed-of = informed: { $informed } of { $customers } customers
console-coverage-informed = Informed
console-coverage-pending = Not decided yet
console-coverage-not = Not informed
console-coverage-cannot = Nobody to address
console-coverage-overdue = Not informed past the deadline
console-coverage-late = Informed after the deadline
console-coverage-is-late = After the deadline
console-coverage-customers =
    { $count ->
        [one] { $number } customer.
       *[other] { $number } customers.
    }
console-coverage-count = Count how many are informed
console-coverage-overdue-last =
    { $count ->
        [one] At the last look { $number } customer was not informed past the deadline.
       *[other] At the last look { $number } customers were not informed past the deadline.
    }
console-coverage-deadline = Deadline:
console-coverage-escalated =
    { $count ->
        [one] For { $number } customer contacts with other roles were addressed.
       *[other] For { $number } customers contacts with other roles were addressed.
    }
console-coverage-open = Customers who are not informed
console-coverage-all = All customers
console-coverage-csv = The same as a file for a spreadsheet (CSV)
console-coverage-which = Which customers
console-coverage-only-all = All
console-coverage-only-open = Not informed
console-coverage-only-late = Late
console-coverage-customer = Customer
console-coverage-verdict = Informed
console-coverage-since = Since
console-coverage-addresses = Addresses and attestations
console-coverage-none = There is no such customer.
console-coverage-none-here = None among those that were looked at: the next page goes on.

console-deliveries-title = Deliveries
console-deliveries-count =
    { $count ->
        [one] { $number } delivery.
       *[other] { $number } deliveries.
    }
console-deliveries-due =
    { $count ->
        [one] { $number } of them can be sent now.
       *[other] { $number } of them can be sent now.
    }
console-deliveries-later =
    { $count ->
        [one] { $number } of them waits: for its time, or for another try.
       *[other] { $number } of them wait: for their time, or for another try.
    }
console-deliveries-next = The next is due
console-deliveries-state = State
console-deliveries-number = Deliveries
console-deliveries-all = All deliveries
console-deliveries-to = Account or address
console-deliveries-account = Account
console-deliveries-address = Address
console-deliveries-reply = Reply
console-deliveries-attempts = Attempts
console-deliveries-since = Since
console-deliveries-none = There is no such delivery.

console-delivery-title = Delivery
console-delivery-found = found out by an operator
console-delivery-level = How sure
console-delivery-reason = Why it was not sent
console-delivery-unsent-not-carried = None of our relays can carry the message
console-delivery-unsent-not-composed = The message could not be composed
console-delivery-role = Role
console-delivery-act = What you can do
console-delivery-resend = Send it again
console-delivery-resend-text = If the message has arrived after all, the recipient gets it twice.
console-delivery-resent = The delivery is sent again.
console-delivery-report = Record it
console-delivery-report-what = What did you find out?
console-delivery-report-bounced = It was returned, or never arrived
console-delivery-report-delivered = It reached its mailbox
console-delivery-report-withdrawn = The finding before was wrong
console-delivery-reported = What you found out is recorded.
console-delivery-settle = Settle it
console-delivery-settle-text = The connection was lost too late to know whether the mail server has the message. The log of the relay says it.
console-delivery-settle-what = What does the log say?
console-delivery-settle-yes = The mail server accepted the message
console-delivery-settle-no = The mail server did not accept it
console-delivery-settled = The delivery is settled.
console-delivery-source-of = Source
console-delivery-source-hint = Such as a line of the relay’s log, in one line
console-delivery-choose = Choose one of these.
console-delivery-when = Time
console-delivery-relay = Relay
console-delivery-outcome = Outcome
console-delivery-no-attempt = It was not tried yet.
console-delivery-nothing-sent = Nothing was sent: no server took the message.
console-delivery-reports = What came back
console-delivery-replied = A reply
console-delivery-message = The message as it was sent
console-delivery-bytes = Its source
console-delivery-download = Take the message as a file

console-attest-title = Record that a customer was informed in another way
console-attest-text = A call or a letter informs a customer, too. Your word is recorded with your name, and the customer counts as informed.
console-attest-account = Account
console-attest-channel = How?
console-attest-by = Who informed the customer?
console-attest-by-hint = The name of the person
console-attest-at = When?
console-attest-note = What was said, or where is the letter?
console-attest-note-hint = In one line
console-attest-button = Record it
console-attest-done = It is recorded that the customer was informed.
console-attest-missing = This is missing.
console-attest-channel-missing = Choose how the customer was informed.
console-attest-no-time = When: this is no date with a time.
console-attest-withdrawn = withdrawn

console-evidence-title = Take evidence
console-evidence-text = A file that proves what the ledger says of this notice. Whoever has it can check it without us, here under “/verify” or with “besked verify”.
console-evidence-whose = Whose?
console-evidence-one = That of one customer: nobody else is named
console-evidence-everyone = That of every customer: each recipient is named
console-evidence-account-hint = For the evidence of one customer
console-evidence-messages = With the exact messages that were sent
console-evidence-json = As a file (JSON)
console-evidence-pdf = As a PDF
console-evidence-whose-missing = Account: name the customer that the evidence is for.
console-evidence-too-large = This evidence is too large for a PDF here: take the file, or make the PDF with “besked evidence export --pdf”.

## Console: writing

console-choose-title = What do you want to say?
console-write-new = New notice
console-write-edit = Edit the notice
console-write-zone = Times are those of { $zone }.
console-write-optional = (optional)
console-write-what = What it is about
console-write-list-hint = One on each line
console-write-text = The text
console-write-category = Category
console-write-subject = Subject
console-write-subject-hint = Leave it empty for the usual one of its category
console-write-body = Text
console-write-body-hint = Markdown: **bold**, [a link](https://example.com), - lists
console-write-audience = To whom
console-write-attributes = Attributes
console-write-attributes-hint = One on each line, such as region: sto1, sto2. A customer must have one value of each.
console-write-customers = Accounts
console-write-customers-hint = Account numbers, between blanks or on lines
console-write-rows = File
console-write-rows-hint = A table with a column account_id and any others: CSV or a workbook, up to 16 MB
console-write-rows-text = Or its rows, as CSV
console-write-include-left = Also customers that have left
console-write-open = Recipients can be added after the release
console-write-when = When
console-write-when-now = At once when it is released
console-write-when-at = At a certain time, in { $zone }
console-write-when-local = At this time of each recipient’s own zone
console-write-send-at = Time of the release
console-write-send-at-local = Time at the recipient
console-write-spread = Spread over
console-write-spread-hint = Such as 2 h, if not everybody is to get it at once
console-write-reminders = Reminders
console-write-reminders-hint = How long before the window, such as 7 days, 1 day; “none” for none; empty as usual
console-write-matter = The matter
console-write-reference = Reference
console-write-reference-hint = Your own number, such as of a change or a case
console-write-follows = Continues
console-write-follows-hint = Id or reference of the notice before it
console-write-nexts = What may follow
console-write-line = line { $line }:{" "}
console-write-save = Save the draft
console-write-submit = Save and submit
console-write-check = Check
console-write-test = Send a test to { $address }
console-write-test-sent = A test was sent to { $address }: { $reply }
console-write-test-no-address = You have no address here: an admin can add one.
console-write-saved = The draft is saved.
console-write-copied = This is a copy of the notice: nothing is saved yet. Write new dates and numbers.
console-write-followed = This is filled in from the notice before: nothing is saved yet. Correct what has changed.
console-write-too-late = A notice that was released cannot be edited. Write the next one of its matter instead.
console-write-begun = You began this and did not send it. It was kept last:
console-write-begun-continue = Continue with it
console-write-begun-forget = Forget it
console-write-kept = Kept at
console-write-not-kept = This was not kept: are you signed in still?
console-write-checked = Whom it reaches
console-write-reached = addresses at { $customers } customers
console-write-such-as = Such as
console-write-unaddressed =
    { $count ->
        [one] { $number } customer has nobody to address:
       *[other] { $number } customers have nobody to address:
    }
console-write-overtaken = { $name } saved another version while you were writing. Nothing that you typed is lost: it is below.
console-write-overtaken-text = { $name } saved another version after you began. Look at it, and take over into yours what should stay.
console-write-overtaken-see = See that version
console-write-overtaken-replace = Replace it with mine
console-preview-title = As recipients see it
console-preview-in = In { $language }
console-language-en = English
console-language-sv = Swedish
console-preview-format = Form
console-preview-text = Text
console-preview-scheme = Colours
console-preview-own = As yours
console-preview-light = Light
console-preview-dark = Dark
console-preview-phone = On a phone
console-preview-language = Language
console-preview-recipients = The recipient’s
console-preview-customer = As this customer sees it
console-preview-show = Show
console-preview-unready = There is something to be seen once this is filled in:
console-field-stage = Stage
console-field-our-role = Our role for the data
console-field-discovered-at = Discovered
console-field-nature = What happened
console-field-data-affected = Personal data affected
console-field-likely-consequences = Likely consequences
console-field-measures-taken = Measures taken or planned
console-field-recommended-actions = What the customer should do
console-field-contact-point = Where to ask
console-field-occurred-from = Began
console-field-occurred-until = Ended
console-field-status = Status
console-field-services = Services
console-field-impact = What customers notice
console-field-started-at = Began
console-field-next-update-at = Next update
console-field-resolved-at = Over since
console-field-workaround = What customers can do meanwhile
console-field-phase = Phase
console-field-window-start = Begin of the window
console-field-window-end = End of the window
console-field-previous-start = Begin as it was announced before
console-field-previous-end = End as it was announced before
console-field-impact-level = Impact in a word, for programs
console-field-action-needed = What customers must do
console-field-kind = Kind
console-field-document = Document
console-field-version = New version
console-field-effective-date = Takes effect
console-field-summary = What changes
console-field-right = The right to object or terminate
console-field-right-until = That right ends
console-field-measure = Measure
console-field-change = What changes
console-field-effect = What it means for the customer
console-field-invoice-number = Invoice number
console-field-period = Period
console-field-amount = Amount
console-field-currency = Currency
console-field-due-date = Due
console-field-payment-reference = Payment reference
console-field-title = Headline
console-field-question = Question
console-field-link = Address of the survey
console-field-closes-at = Closes
console-choice-suspected = Suspected
console-choice-confirmed = Confirmed
console-choice-update = Update
console-choice-final = Final report
console-choice-controller = Controller: we decide about the data
console-choice-processor = Processor: the customer decides about the data
console-choice-terms = Terms
console-choice-price = Prices
console-choice-data-processing = Data processing agreement
console-choice-sub-processor = Sub-processor
console-choice-other = Something else
console-choice-possible = Possible
console-choice-investigating = Investigating
console-choice-identified = Identified
console-choice-monitoring = Monitoring
console-choice-resolved = Resolved
console-choice-announced = Announced
console-choice-rescheduled = Rescheduled
console-choice-cancelled = Cancelled
console-choice-started = Started
console-choice-completed = Completed
console-choice-no-impact = None
console-choice-reduced-redundancy = Less to fall back on
console-choice-degraded = Works worse
console-choice-outage = Does not work
console-choice-technical = Technical
console-choice-organisational = Organisational

## Console: pages

# The first parts of long compounds, after which a heading or label may break in a narrow window.
soft-hyphens = infra counter
